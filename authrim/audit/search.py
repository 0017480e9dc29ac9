"""Finding events: by what they concern, by time and position; and the history of a person or a session."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from authrim.audit.follow import Follower
from authrim.audit.timeline import Line, line_of
from authrim.store.codec import REGISTRIES
from authrim.store.contract import StoredEvent
from authrim.store.log_reading import LogReading
from domain.errors import Refusal, invalid_request
from domain.units import MICROSECONDS
from projections.audit import AUDIT, BESIDE, GIVEN

#: Events read from the index at a time.
_PAGE: Final = 500
#: Events that a request adds to the index at most; the follower of the process does the rest.
_STEP: Final = 50
#: What the row of a token does not say: the row of its request does.
_OF_REQUEST: Final = ("address", "trace", "actor")


class Wanted(msgspec.Struct, frozen=True):
    """What is looked for. ``values``: by column of ``audit``; an address has several values, one per master key.
    ``after`` and ``until`` are positions, ``until`` None: the head of the log."""

    tenant: str
    values: Mapping[str, tuple[str, ...]]
    after: int = 0
    until: int | None = None


class Lines(msgspec.Struct, frozen=True):
    """A page of what was found. ``position``: everything up to there has been looked at; ``done``: that was all."""

    lines: tuple[Line, ...]
    position: int
    done: bool


def refuse_search(values: Mapping[str, tuple[str, ...]]) -> Refusal | None:
    """Why a search could not find what it seems to ask for."""
    for type_ in values.get("type", ()):
        if not any(type_ in registry for registry in REGISTRIES.values()):
            return invalid_request("There is no such event type.", hint="docs/events.md lists all of them.")
        if type_ in BESIDE:
            return invalid_request(
                "Events of this type always come with another of the same request, by which they are found.",
                hint="Search for that one; authrim audit grant shows both.",
            )
        if type_ in GIVEN and any(name in values for name in _OF_REQUEST):
            return invalid_request(
                "Where a token's request came from is found by the request.",
                hint="Leave the type out, or search for grant.code_redeemed.v1 or grant.refresh_token_rotated.v1.",
            )
    return None


async def search(store: LogReading, wanted: Wanted, limit: int) -> Lines:
    """At most ``limit`` events, in the log's order. Raises Unavailable."""
    head = await Follower(store, AUDIT).catch_up()
    until = head if wanted.until is None else min(wanted.until, head)
    found: list[StoredEvent] = []
    position, done = wanted.after, wanted.after >= until
    while len(found) < limit and not done:
        page, position, done = await _page(store, wanted, position, until, min(limit - len(found), _PAGE))
        found += page
    return Lines(tuple(line_of(event)[0] for event in found), position, done)


async def search_once(store: LogReading, wanted: Wanted, limit: int) -> Lines:
    """What one query of the index finds, so that a request has a bounded amount of work: there may be fewer lines than
    ``limit`` and more to come. Events of the last moment may not be in the index yet. Raises Unavailable."""
    head = await indexed_up_to(store)
    until = head if wanted.until is None else min(wanted.until, head)
    if wanted.after >= until:
        return Lines((), until, done=True)
    events, position, done = await _page(store, wanted, wanted.after, until, limit)
    return Lines(tuple(line_of(event)[0] for event in events), position, done)


async def indexed_up_to(store: LogReading) -> int:
    """The position that the index has come to, after at most one page of the follower's. Raises Unavailable."""
    return (await Follower(store, AUDIT, _STEP).step(wait=True)).position


async def _page(
    store: LogReading, wanted: Wanted, after: int, until: int, limit: int
) -> tuple[Sequence[StoredEvent], int, bool]:
    """One page: of each alternative, as far as all have been looked at."""
    pages = [
        await store.audit.search(wanted.tenant, values, after, until, limit)
        for values in _alternatives(wanted.values)
    ]
    reached = min(page.position for page in pages)
    events = sorted(
        (event for page in pages for event in page.events if event.position <= reached),
        key=lambda event: event.position,
    )
    if len(events) > limit:
        events = events[:limit]
        reached = events[-1].position
    return events, reached, reached >= until


def _alternatives(values: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """Each combination of one value per column."""
    combinations: list[dict[str, str]] = [{}]
    for column, alternatives in values.items():
        combinations = [known | {column: value} for known in combinations for value in alternatives]
    return combinations


async def at_positions(
    store: LogReading, tenant: str, ranges: Iterable[tuple[int, int]], after: int, limit: int
) -> Lines:
    """At most ``limit`` events at some positions, which are ranges in order. Reads the log itself, so it finds what the
    index does not have. Raises Unavailable."""
    found: list[Line] = []
    for first, last in ranges:
        position = max(first - 1, after)
        while position < last and (page := await store.read_log(position, min(last - position, _PAGE))):
            for event in page:
                if len(found) == limit:
                    return Lines(tuple(found), found[-1].position, done=False)
                if event.stream.startswith(f"{tenant}:"):
                    found.append(line_of(event)[0])
            position = page[-1].position
    return Lines(tuple(found), found[-1].position if found else after, done=True)


async def follow(store: LogReading, wanted: Wanted) -> AsyncIterator[Lines]:
    """What is found, and from then on whatever comes, until cancelled or ``until`` is reached."""
    async for _position in store.changes():
        done = False
        while not done:
            page = await search(store, wanted, _PAGE)
            yield page
            done = page.done
            wanted = msgspec.structs.replace(wanted, after=max(wanted.after, page.position))
        if wanted.until is not None and wanted.after >= wanted.until:
            return


async def history(store: LogReading, tenant: str, column: str, value: str, after: int, limit: int) -> Lines:
    """What happened to a person (``column`` ``subject``) or in a session (``session_id``). Raises Unavailable."""
    return await _history(
        store, (tenant, column, value), after, await Follower(store, AUDIT).catch_up(), limit
    )


async def history_once(
    store: LogReading, tenant: str, column: str, value: str, after: int, limit: int
) -> Lines:
    """The same with a bounded amount of work, as ``search_once``."""
    return await _history(store, (tenant, column, value), after, await indexed_up_to(store), limit)


async def _history(store: LogReading, of: tuple[str, str, str], after: int, head: int, limit: int) -> Lines:
    tenant, column, value = of
    events = await store.audit.history(column, tenant, value, after, head, limit)
    done = len(events) < limit
    position = head if done else events[-1].position
    return Lines(tuple(line_of(event)[0] for event in events), position, done)


async def position_at(store: LogReading, moment: int) -> int:
    """The position of the last event before a time, µs UTC. Times never go back in the log."""
    low, high = 0, (await store.head()).position
    while low < high:
        middle = (low + high + 1) // 2
        (event,) = await store.read_log(middle - 1, 1)
        low, high = (middle, high) if event.recorded_at < moment else (low, middle - 1)
    return low


def moment_of(text: str) -> int:
    """A time in ISO 8601, in UTC where it names no zone, as µs. Raises ValueError."""
    time = datetime.fromisoformat(text)
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return int(aware.timestamp()) * MICROSECONDS + aware.microsecond
