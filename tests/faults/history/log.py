"""The log as its exported bundle has it, read without the server's code."""

import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

#: What ends a grant with all its tokens.
_END = "grant.revoked.v1"
#: Events that give a client something.
ISSUES = (
    "grant.code_issued.v1",
    "grant.access_token_issued.v1",
    "grant.refresh_token_issued.v1",
    "grant.refresh_token_rotated.v1",
)


class Event(NamedTuple):
    """An event of the log. ``recorded_at`` is in µs since 1970."""

    position: int
    recorded_at: int
    stream: str
    type: str
    payload: dict[str, Any]


@dataclass
class Grant:
    """What the log says of one grant."""

    events: list[Event] = field(default_factory=list)

    def of(self, *types: str) -> list[Event]:
        """Its events of these types, in their order."""
        return [event for event in self.events if event.type in types]

    @property
    def end(self) -> Event | None:
        """The event that revoked it."""
        return next(iter(self.of(_END)), None)


@dataclass
class Log:
    """All events, and by the name of each code and token its grant and the event that issued it."""

    events: list[Event]
    grants: dict[str, Grant]
    grant_of: dict[str, Grant]
    issued: dict[str, Event]


def log_of(events: Iterable[Event]) -> Log:
    """Put the events of each grant together."""
    log = Log([], {}, {}, {})
    for event in events:
        log.events.append(event)
        if ":grant:" not in event.stream:
            continue
        grant = log.grants.setdefault(event.stream, Grant())
        grant.events.append(event)
        if event.type in ISSUES:
            log.grant_of[issued_name(event)] = grant
            log.issued[issued_name(event)] = event
    return log


def issued_name(event: Event) -> str:
    """The name of the code or token that an event of ``ISSUES`` issued."""
    for name in ("code_hash", "token_hash", "token_id"):
        if name in event.payload:
            return str(event.payload[name])
    raise KeyError(event.type)


def read_bundle(path: Path) -> Log:
    """The log in a bundle of ``authrim audit export``."""
    with tarfile.open(path) as bundle:
        member = bundle.extractfile("events.jsonl")
        assert member is not None
        rows = [json.loads(line) for line in member]
    return log_of(
        Event(row["position"], row["recorded_at"], row["stream"], row["type"], json.loads(row["payload"]))
        for row in rows
        if "stream" in row
    )
