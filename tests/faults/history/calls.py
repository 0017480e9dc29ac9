"""What clients did and what they were told, with the digests that the log has in place of codes and tokens."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """What the client knows of a call. ``UNKNOWN``: there was no answer, or one that promises nothing, as 503."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Given(NamedTuple):
    """What an answer gave the client, by the names that the log has for it; empty what it did not give."""

    code: str = ""
    access_token: str = ""
    refresh_token: str = ""


class Call(NamedTuple):
    """One call. Times are µs since 1970 by the clock of the machine, which is that of the log too. ``active`` is what
    introspection said."""

    client: int
    operation: str
    presented: str
    began: int
    ended: int
    outcome: Outcome
    given: Given = Given()
    active: bool | None = None


@dataclass
class Calls:
    """The calls of all clients, as they end."""

    made: list[Call] = field(default_factory=list)

    def record(
        self,
        client: int,
        operation: str,
        presented: str,
        began: int,
        outcome: Outcome,
        *,
        given: Given = Given(),  # noqa: B008 - a constant
        active: bool | None = None,
    ) -> None:
        """Write down a call that ends now."""
        self.made.append(Call(client, operation, presented, began, now(), outcome, given, active))


def now() -> int:
    """µs since 1970."""
    return time.time_ns() // 1000


def name_of(value: str) -> str:
    """What the log calls a code or a token: the ``jti`` of a JWT, else its SHA-256 in base64url."""
    header, *parts = value.split(".")
    if header.startswith("eyJ"):
        payload = parts[0]
        return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])
    return base64.urlsafe_b64encode(hashlib.sha256(value.encode()).digest()).rstrip(b"=").decode()
