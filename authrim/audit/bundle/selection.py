"""What a bundle is about: a part of the log, or a grant with what it refers to."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from authrim.audit.bundle.damage import ContentsArchived, Damaged
from authrim.audit.long_work import beside_the_loop
from authrim.store.chain import Problem, leaf_hash
from authrim.store.contract import Batch, StoredEvent
from authrim.store.dropped import is_dropped
from authrim.store.log_reading import LogReading
from domain import stream as streams


class Selection(msgspec.Struct, frozen=True):
    """Events in the log's order: all of these streams up to the position ``last``."""

    grant_id: str
    streams: tuple[str, ...]
    events: tuple[StoredEvent, ...]
    last: int


async def select_grant(
    store: LogReading, tenant: str, grant_id: str, until: int | None, head: int
) -> Selection | None:
    """The events of a grant, with those of its clients, people, sessions, keys and resource servers: up to a position,
    or up to the newest of them. None: there is no such grant. Raises Damaged, Unavailable."""
    last = head if until is None else until
    stream = streams.grant_stream(tenant, grant_id)
    own = await _stream(store, stream, last)
    if not own:
        return None
    found = {stream: own}
    for name in await beside_the_loop(
        own, lambda: sorted({name for event in own for name in _named(tenant, event)})
    ):
        found[name] = await _stream(store, name, last)
    events = sorted((event for of_stream in found.values() for event in of_stream), key=_by_position)
    names = tuple(name for name, of_stream in found.items() if of_stream)
    return Selection(grant_id, names, tuple(events), events[-1].position if until is None else until)


async def batch_of(store: LogReading, position: int) -> Batch:
    """The ledger row of a position. Raises Damaged."""
    back = 1
    while True:
        rows = await store.read_ledger(max(position - back, 0), back)
        before = [row for row in rows if row.first_position <= position]
        if before or back > position:
            break
        back *= 2
    if not before or before[-1].last_position < position:
        raise Damaged(Problem(position, position, "no ledger row covers it"))
    return before[-1]


async def _stream(store: LogReading, name: str, until: int) -> list[StoredEvent]:
    events = [event for event in await store.read_whole_stream(name) if event.position <= until]
    await beside_the_loop(events, lambda: _check(events))
    return events


def _check(events: Iterable[StoredEvent]) -> None:
    for version, event in enumerate(events, 1):
        if is_dropped(event):
            raise ContentsArchived(event.position)
        made = leaf_hash(event.stream, event.version, event.type, event.payload, event.metadata)
        if event.version != version or made != event.leaf:
            raise Damaged(Problem(event.position, event.position, "the row is not the one that was recorded"))


def _named(tenant: str, event: StoredEvent) -> Iterator[str]:
    """The streams that an event refers to."""
    for fields in (_members_of(event.payload), _members_of(event.metadata)):
        for name, kind in _REFERENCES.items():
            values = fields.get(name)
            for value in values if isinstance(values, list) else [values]:
                if isinstance(value, str) and value:
                    yield f"{tenant}:{kind}:{value}"


#: Fields of the events of a grant that name another stream.
_REFERENCES = {
    "client_id": streams.CLIENT, "subject": streams.ACCOUNT, "session_id": streams.SESSION,
    "signing_kid": streams.KEY, "resource": streams.RESOURCE, "audience": streams.RESOURCE,
    "default_audience": streams.RESOURCE,
}  # fmt: skip


def _members_of(text: bytes) -> dict[str, Any]:
    """The members of a stored JSON object; none when it is not one."""
    try:
        fields = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def people_of(event: StoredEvent) -> Iterator[str]:
    """The pseudonyms that an event names."""
    for fields in (_members_of(event.payload), _members_of(event.metadata)):
        if isinstance(subject := fields.get("subject"), str):
            yield subject
    name = event.stream.split(":", 2)
    if len(name) == 3 and name[1] == streams.ACCOUNT:
        yield name[2]


def _by_position(event: StoredEvent) -> int:
    return event.position
