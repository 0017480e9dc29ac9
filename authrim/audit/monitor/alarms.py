"""Alarms: each breach becomes one event of the log and a log line, whatever happens in between.

The stream of the event has the breach's id, so a second one of the same breach conflicts, also from another process or
after a crash (F18).
"""

import os
from typing import Final

import msgspec
import structlog

from authrim import __version__
from authrim.store import codec
from authrim.store.contract import Append, Conflict, StreamAppend
from authrim.store.monitor_contract import KnownBreach
from authrim.store.read_back import ReadBack
from domain.errors import Refusal, invalid_request
from domain.event import Event
from domain.log_entry import Metadata
from domain.monitor_events import RuleBreakAcknowledged, RuleBroken
from domain.stream import AUDIT
from domain.units import MICROSECONDS
from projections.followed import COMMAND_LINE

log = structlog.get_logger(__name__)

#: Breaches that are told at a time.
_PAGE: Final = 100
#: Positions that an alarm names.
_MOST_POSITIONS: Final = 10

_encode: Final = msgspec.json.Encoder().encode

UNKNOWN: Final = invalid_request("There is no such breach.", hint="`authrim audit monitor --all` lists them.")


async def raise_alarms(store: ReadBack) -> int:
    """Record every breach that is not in the log yet, and write a log line for each; how many. Raises StoreError."""
    told = 0
    while untold := await store.monitor.breaches(_PAGE, untold=True):
        for known in sorted(untold, key=lambda one: one.breach.positions):
            await _tell(store, known)
        told += len(untold)
    return told


async def _tell(store: ReadBack, known: KnownBreach) -> None:
    breach = known.breach
    event = RuleBroken(
        rule=breach.rule,
        stream=breach.stream,
        positions=breach.positions[:_MOST_POSITIONS],
        found_at=known.found_at // MICROSECONDS,
        about=breach.about,
    )
    stream = f"{breach.tenant}:{AUDIT}:{breach.id}"
    try:
        position = await _append(store, breach.tenant, stream, 0, event, "system")
    except Conflict:
        (first, *_) = await store.read_whole_stream(stream)
        position = first.position
    log.error(
        "monitor.rule_broken",
        rule=breach.rule,
        stream=breach.stream,
        positions=breach.positions[:_MOST_POSITIONS],
        about=breach.about,
        breach=breach.id,
        position=position,
    )
    await store.monitor.mark_told(breach.id, position)


async def acknowledge(store: ReadBack, breach_id: str, reason: str) -> Refusal | None:
    """Record that somebody looked into a breach. Doing it again appends nothing. Raises StoreError."""
    await raise_alarms(store)
    known = await store.monitor.breach(breach_id)
    if known is None:
        return UNKNOWN
    tenant = known.breach.tenant
    stream = f"{tenant}:{AUDIT}:{breach_id}"
    now = (await store.head()).now // MICROSECONDS
    event = RuleBreakAcknowledged(now, reason.strip(), _operator())
    try:
        await _append(store, tenant, stream, 1, event, "admin")
    except Conflict:
        return None  # somebody has
    return None


async def _append(store: ReadBack, tenant: str, stream: str, version: int, event: Event, actor: str) -> int:
    authority = COMMAND_LINE if actor == "admin" else ""
    metadata = _encode(
        Metadata(tenant=tenant, actor=actor, server=__version__, authority=authority, operator=_operator())
    )
    append = Append((StreamAppend(stream, version, (codec.encode(event),)),), metadata)
    return (await store.append(append)).first_position


def _operator() -> str:
    return f"uid {os.getuid()}"
