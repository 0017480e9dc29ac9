"""What the room of people brings to a server."""

from dataclasses import dataclass
from typing import Final

from authrim.core.parts import Part
from authrim.crypto.passwords import Passwords
from authrim.people.checks_under_way import ChecksUnderWay


@dataclass(frozen=True, slots=True)
class People:
    """Password hashing, in threads of its own, and the sign-ins that are being looked at."""

    passwords: Passwords
    checks: ChecksUnderWay


PEOPLE: Final[Part[People]] = Part("people")
