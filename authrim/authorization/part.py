"""The part of a server that belongs to authorization requests."""

from dataclasses import dataclass
from typing import Final

from authrim.authorization.fetched_request_objects import RequestObjects
from authrim.authorization.source_limiter import SourceLimiter
from authrim.core.parts import Part


@dataclass(frozen=True, slots=True)
class Authorization:
    """The limit on requests per source, and request objects by reference."""

    limiter: SourceLimiter
    request_objects: RequestObjects


AUTHORIZATION: Final[Part[Authorization]] = Part("authorization")
