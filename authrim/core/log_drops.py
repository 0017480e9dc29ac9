"""Lets the contents of archived events leave the log, stream by stream (docs/designs/0023-what-may-leave-the-log.md).

A stream leaves as a whole: when it has ended, and when each of its events is in a closed month whose archive was
verified just now. What stays of an event proves the chain and the tree; the archive proves the contents.
"""

import asyncio
from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from authrim.audit.archives.folder import Archived, archives_in
from authrim.audit.archives.log import ArchivedLog
from authrim.audit.archives.months import Month, closed_months
from authrim.audit.bundle.export import Progress
from authrim.audit.follow import FOLLOWED
from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.log_readers import LogReader
from authrim.core.origin import operator
from authrim.core.stream_state import read_state
from authrim.store.codec import UnreadableEvent
from authrim.store.dropped import Range, digest_of, is_dropped, recorded_digests
from authrim.store.monitor_contract import MONITOR
from authrim.store.read_back import ReadBack
from domain import stream as streams
from domain.errors import Refusal, invalid_request
from domain.grant.grant import fold
from domain.grant.refresh_token import may_be_refreshed
from domain.log_events import ContentsDropped
from domain.units import DAY, MICROSECONDS
from projections.tables import TOKENS, row_key

#: How many seconds after its newest event a stream may leave: as long as clients may have to be told of the end of a
#: session, and much longer than any code lives.
QUIET: Final = 31 * DAY
#: Events that are looked at together.
PAGE: Final = 2000
#: Streams that are asked for at once, and verdicts that are remembered.
TOGETHER: Final = 64
REMEMBERED: Final = 100_000
#: Rows that lose their contents in one transaction.
STEP: Final = 500

NOT_ARCHIVED: Final = "The month {} is not in the directory: run authrim log archive first."
BEHIND: Final = invalid_request(
    "A projection has not come to these events yet.", hint="Let the server run until it has, then try again."
)


class Plan(msgspec.Struct, frozen=True):
    """What may leave: the ranges of positions, how many events they are, and the archives that have them."""

    ranges: tuple[Range, ...]
    events: int
    archives: tuple[str, ...]

    @property
    def digest(self) -> str:
        """What the log will say of the ranges."""
        return digest_of(self.ranges)


class _Limits(NamedTuple):
    """Nothing of a stream is behind ``position``, or younger than ``quiet_since`` (µs). ``now`` in seconds."""

    position: int
    quiet_since: int
    now: int


async def plan_drop(
    store: ReadBack, folder: Path, before: str, progress: Progress, readers: Sequence[LogReader] = ()
) -> Plan | Refusal:
    """Verify the archives of the months before a month, and find the streams that may leave. ``readers``: all who have
    to be told of events yet. Raises BadArchive, Unavailable."""
    months = await closed_months(store, before)
    archives = {one.month: one for one in await asyncio.to_thread(archives_in, folder)}
    lacking = next((month for month in months if month not in archives), None)
    if lacking is not None:
        return invalid_request(NOT_ARCHIVED.format(lacking.name))
    if not months:
        return Plan((), 0, ())
    last = months[-1].last
    if not await _are_followed(store, last):
        return BEHIND
    await _verify(store, folder, months)
    head = await store.head()
    limits = _Limits(last, head.now - QUIET * MICROSECONDS, head.now // MICROSECONDS)
    ranges = await _find(store, limits, progress)
    for needs in readers if ranges else ():
        refusal = await needs(ranges[-1].last)
        if refusal is not None:
            return refusal
    names = [await asyncio.to_thread(_named, archives[month]) for month in months]
    return Plan(tuple(ranges), sum(one.last - one.first + 1 for one in ranges), tuple(names))


async def drop(store: ReadBack, tenant: str, plan: Plan, reason: str, progress: Progress) -> Refusal | None:
    """Record what leaves, and take the contents. A run that was interrupted is finished by ``finish_drops``. Raises
    Unavailable."""
    await store.dropped.begin(plan.ranges, await recorded_digests(store))
    refusal = await _record(store, tenant, plan, reason)
    if refusal is None:
        await finish_drops(store, progress)
    return refusal


async def finish_drops(store: ReadBack, progress: Progress) -> None:
    """Take the contents that are recorded as dropped, and are still there."""
    recorded = set(await recorded_digests(store))
    waiting = [one for one in await store.dropped.waiting() if one.digest in recorded]
    whole, done = sum(one.last - one.first + 1 for one in waiting), 0
    for one in waiting:
        for first in range(one.first, one.last + 1, STEP):
            last = min(first + STEP - 1, one.last)
            await store.dropped.empty(first, last, ends=last == one.last)
            done += last - first + 1
            progress(done, whole)


async def _are_followed(store: ReadBack, position: int) -> bool:
    """Whether all projections and the monitor have come to a position, so that none needs these contents any more."""
    (event,) = await store.read_log(position - 1, 1)
    now = (await store.head()).now
    lags = await store.lags([*(followed.name for followed in FOLLOWED), MONITOR])
    return all(not lag or now - lag > event.recorded_at for lag in lags.values())


async def _verify(store: ReadBack, folder: Path, months: Sequence[Month]) -> None:
    """Verify each archive against the ledger. Raises BadArchive."""
    log = ArchivedLog(store, folder)
    try:
        for month in months:
            await log.read(month.first - 1, 1)
    finally:
        log.close()


async def _find(store: ReadBack, limits: _Limits, progress: Progress) -> list[Range]:
    """The positions of the events that may leave, up to a position."""
    ranges: list[Range] = []
    verdicts: dict[str, bool] = {}
    after = 0
    while after < limits.position and (
        page := await store.read_log(after, min(PAGE, limits.position - after))
    ):
        names = {event.stream for event in page if not is_dropped(event)}
        if len(verdicts) > REMEMBERED:
            verdicts = {}
        await _judge(store, [name for name in names if name not in verdicts], limits, verdicts)
        for event in page:
            if event.stream in names and not is_dropped(event) and verdicts[event.stream]:
                _extend(ranges, event.position)
        after = page[-1].position
        progress(after, limits.position)
    digest = digest_of(ranges)
    return [one._replace(digest=digest) for one in ranges]


def _extend(ranges: list[Range], position: int) -> None:
    if ranges and ranges[-1].last == position - 1:
        ranges[-1] = ranges[-1]._replace(last=position)
    else:
        ranges.append(Range(position, position))


async def _judge(store: ReadBack, names: Sequence[str], limits: _Limits, verdicts: dict[str, bool]) -> None:
    for at in range(0, len(names), TOGETHER):
        some = names[at : at + TOGETHER]
        found = await asyncio.gather(*(_has_ended(store, name, limits) for name in some))
        verdicts.update(zip(some, found, strict=True))


async def _has_ended(store: ReadBack, name: str, limits: _Limits) -> bool:
    """Whether a stream may leave. Streams of other kinds never end: clients, accounts, keys, settings and the like are
    decided on forever."""
    stream = streams.parse(name)
    if stream.kind not in (streams.GRANT, streams.SESSION, streams.REFUSAL):
        return False
    (newest,) = await store.read_stream_end(name, 1)
    if newest.position > limits.position or newest.recorded_at > limits.quiet_since:
        return False
    if stream.kind == streams.GRANT:
        return await _grant_has_ended(store, stream, limits.now)
    return stream.kind == streams.REFUSAL or not await _has_session_row(store, stream)


async def _has_session_row(store: ReadBack, stream: streams.StreamId) -> bool:
    return (await store.find("session", row_key(stream.tenant, stream.id))).row is not None


async def _grant_has_ended(store: ReadBack, stream: streams.StreamId, now: int) -> bool:
    """Whether no refresh token of it can be used, and no row of its access tokens is left."""
    try:
        grant, _, _ = await read_state(store, str(stream), fold)
    except UnreadableEvent:
        return False
    of_grant = f"{row_key(stream.tenant, stream.id)}:"
    rows = await store.read_rows(TOKENS.name, of_grant, 1)
    return not may_be_refreshed(grant, now) and not any(row["key"].startswith(of_grant) for row in rows)


def _named(archived: Archived) -> str:
    with archived.path.open("rb") as file:
        return f"{file_digest(file, 'sha256').hexdigest()} {archived.path.name}"


async def _record(store: ReadBack, tenant: str, plan: Plan, reason: str) -> Refusal | None:
    stream = streams.dropped_stream(tenant)

    async def attempt() -> Outcome[None]:
        read = await store.read_stream(stream)
        event = ContentsDropped(
            plan.ranges[0].first, plan.ranges[-1].last, plan.events, plan.digest, plan.archives,
            read.now // MICROSECONDS, reason.strip(), operator(),
        )  # fmt: skip
        return Outcome(None, (Change(stream, read.version, (event,)),))

    return await carry_out(store, tenant, attempt)
