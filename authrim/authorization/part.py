"""The part of a server that belongs to authorization requests."""

from dataclasses import dataclass
from typing import Final

from authrim.authorization.fetched_request_objects import RequestObjects
from authrim.core.parts import Part


@dataclass(frozen=True, slots=True)
class Authorization:
    """Request objects by reference."""

    request_objects: RequestObjects


AUTHORIZATION: Final[Part[Authorization]] = Part("authorization")
