"""Finds events in a directory of archives, without a database."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from authrim.audit.archives.events import events_of
from authrim.audit.archives.folder import BadArchive, archives_in, bundle_of, unpacked
from authrim.audit.bundle.verify_bundle import Fault
from authrim.store.contract import StoredEvent


class Sought(msgspec.Struct, frozen=True):
    """What events must have: a type, a stream, and a value in their payload, metadata or stream (an id of a client, a
    pseudonym, a session, a grant, a token). ``first`` and ``last`` are positions."""

    type: str = ""
    stream: str = ""
    value: str = ""
    first: int = 1
    last: int = 2**63 - 1

    def fits(self, event: StoredEvent) -> bool:
        """Whether an event is one of those."""
        return (
            self.first <= event.position <= self.last
            and self.type in ("", event.type)
            and self.stream in ("", event.stream)
            and (not self.value or self.value in event.stream.split(":") or _has(event, self.value))
        )


def search(folder: Path, sought: Sought) -> Iterator[StoredEvent]:
    """The events that fit, in the log's order; one bundle is unpacked at a time. Raises BadArchive."""
    # Ids are ASCII, so a line without them has no such event; only the others are read.
    longest = max((sought.type, sought.stream, sought.value), key=len)
    containing = (
        longest.encode() if longest.isascii() and longest.isprintable() and '"' not in longest else b""
    )
    for archived in archives_in(folder):
        if archived.month.last < sought.first or archived.month.first > sought.last:
            continue
        with unpacked(archived) as path:
            bundle = bundle_of(archived, path)
            try:
                yield from (event for event in events_of(bundle, containing) if sought.fits(event))
            except (Fault, ValueError, KeyError, TypeError):
                raise BadArchive(archived.path, "it is damaged: verify it") from None


def _has(event: StoredEvent, value: str) -> bool:
    for text in (event.payload, event.metadata):
        try:
            if _contains(msgspec.json.decode(text), value):
                return True
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return False


def _contains(found: object, value: str) -> bool:
    match found:
        case str():
            return found == value
        case list():
            return any(_contains(one, value) for one in found)
        case dict():
            return any(_contains(one, value) for one in found.values())
        case _:
            return False
