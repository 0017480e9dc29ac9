"""Read, decide, append, answer: the only path for changes.

The server reads a stream, the caller decides on its state, the server appends the decision at the version that was
read, and it answers only after the append is durable. When another append was faster, the server reads and decides
again: for a request until its patience ends (docs/designs/0001-decide-again-until-it-fits.md), for an administrator a
few times.
"""

from __future__ import annotations  # a function in a function would evaluate its annotations each time

import asyncio
import random
from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic, time
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import msgspec

from authrim.core.clients_and_keys import Configuration
from authrim.core.decision_clock import DecisionClock
from authrim.core.origin import Origin, own_origin
from authrim.core.stream_state import read_state
from authrim.memory.lru_cache import LruCache
from authrim.metrics import catalogue as metrics
from authrim.metrics.derived import ISSUES
from authrim.store import codec
from authrim.store.contract import Append, AppendResult, Conflict, NewEvent, Overloaded, Store, StreamAppend
from authrim.store.places import places_of
from domain import stream as streams
from domain.decision import Decision
from domain.errors import Refusal, temporarily_unavailable
from domain.event import Event, Fold
from domain.grant import grant as grants
from domain.grant.events import AuthorizationRequested
from domain.grant.grant import NOTHING, Grant
from domain.inputs import Inputs, beside
from domain.stream import CONFIGURATION_KINDS
from projections.inline import STATE_PROJECTIONS, state_rows, token_rows
from projections.rows import Row
from projections.session_clients import session_client_rows

A = TypeVar("A")
S = TypeVar("S")

#: How long an append that keeps losing is decided again before the client is asked to retry later.
PATIENCE_SECONDS = 5.0
#: How often an administrator's append may lose before they are asked to retry later.
ATTEMPTS: Final = 3


class Change(msgspec.Struct, frozen=True):
    """New events for one stream. ``before`` is the state they follow, for kinds that keep their state as a row.
    ``inputs``: what was decided on beside what the log has, for a decision that can be made again from it."""

    stream: str
    version: int
    events: tuple[Event, ...]
    before: Any = None
    inputs: Inputs | None = None


class Outcome(msgspec.Struct, Generic[A], frozen=True):
    """A decision: events for one or several streams, rows of private data, and the answer.

    ``expects`` are the versions of the streams that the decision read and did not change.
    """

    answer: A | Refusal
    changes: tuple[Change, ...] = ()
    rows: tuple[Row, ...] = ()
    expects: tuple[tuple[str, int], ...] = ()


class GrantRead(NamedTuple):
    """A grant, the version of its stream that was read, and the database's clock at that time, in seconds."""

    grant: Grant
    version: int
    now: int


#: The most grants whose newest state a process remembers.
GRANTS_REMEMBERED = 4096


class Executor:
    """Decides and appends, again after each conflict, until the append succeeds or the time is over."""

    def __init__(self, store: Store, configuration: Configuration) -> None:
        self._store = store
        self._configuration = configuration
        self.clock = DecisionClock(store)
        self._busy_streams: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._remembered: LruCache[str, tuple[Grant, int]] = LruCache(GRANTS_REMEMBERED)

    async def read_grant(self, tenant: str, grant_id: str) -> GrantRead:
        """A grant from its stream. One that does not exist has version 0."""
        return GrantRead(*await read_state(self._store, streams.grant_stream(tenant, grant_id), grants.fold))

    async def on_grant(
        self, origin: Origin, grant_id: str, decide: Callable[[Grant, int, int], Awaitable[Outcome[A]]],
        just_read: GrantRead | None = None,
    ) -> A | Refusal:  # fmt: skip
        """Decide on a grant: ``decide(grant, version, now)``, ``now`` in seconds by the database's clock.

        ``just_read`` is the state that this request has read already. The first decision uses it, and the append
        proves that it was the newest. After the first conflict, the requests of this process for one grant take
        turns, so that many requests at once need one append each and do not lose against each other.
        """

        async def attempt() -> Outcome[A]:
            nonlocal just_read
            read, just_read = just_read or await self.read_grant(origin.tenant, grant_id), None
            return await decide(*read)

        return await self.until_it_fits(origin, attempt, streams.grant_stream(origin.tenant, grant_id))

    async def on_remembered_grant(
        self, origin: Origin, grant_id: str, decide: Callable[[Grant, int, int], Awaitable[Outcome[A]]]
    ) -> A | Refusal:
        """Like ``on_grant``, but without reading a stream that this process wrote last.

        Only an acceptance may use the remembered state, because its append proves that the state was the newest: it
        conflicts when the stream has changed. Any other result is decided again on the state in the store. ``now``
        is then that of ``DecisionClock``; ``decide`` must take the database's clock from what it reads (A050).
        """
        stream = streams.grant_stream(origin.tenant, grant_id)
        remembered = self._remembered.take(stream)
        if remembered is not None:
            applied = self._configuration.applied
            outcome = await decide(*remembered, await self.clock.now())
            accepted = bool(outcome.changes) and not isinstance(outcome.answer, Refusal)
            if accepted and await self._fits(origin, outcome, applied):
                return _answer(outcome, origin)
        return await self.on_grant(origin, grant_id, decide)

    def _remember(self, changes: tuple[Change, ...]) -> None:
        """Remember the state of a person's grant after an append, if the state before it is known."""
        for change in changes:
            begins = change.version == 0 and isinstance(change.events[0], AuthorizationRequested)
            before = NOTHING if begins else change.before
            if isinstance(before, Grant):
                after = grants.fold(change.events, before)
                self._remembered.put(change.stream, (after, change.version + len(change.events)))

    async def until_it_fits(
        self, origin: Origin, attempt: Callable[[], Awaitable[Outcome[A]]], stream: str, *,
        on_configuration: bool = True,
    ) -> A | Refusal:  # fmt: skip
        """Append the outcome of ``attempt``, and decide again after each conflict. ``on_configuration`` is False when
        the decision uses no client and no key in memory."""

        async def once() -> Outcome[A] | None:
            applied = self._configuration.applied if on_configuration else None
            outcome = await attempt()
            return outcome if await self._fits(origin, outcome, applied) else None

        outcome = await once()
        if outcome is None:
            until = monotonic() + PATIENCE_SECONDS
            async with self._busy_streams.setdefault(stream, asyncio.Lock()):
                outcome = await again(once, until=until)
        if outcome is None:
            raise Overloaded("the stream keeps moving")
        return _answer(outcome, origin)

    async def _fits(self, origin: Origin, outcome: Outcome[A], applied: int | None) -> bool:
        """Append the outcome. Return False on a conflict, after bringing the configuration up to date.

        ``applied`` was read before the decision began. A change that this process learned of during the decision
        may not have been considered, so it counts as unknown to the decision.
        """
        began = time()
        try:
            appended = await _append(self._store, origin, outcome, applied)
        except Conflict as conflict:
            if conflict.what == "guard":
                await self._configuration.catch_up()
            return False
        if appended is not None:
            self.clock.compare(appended, began)
        self._remember(outcome.changes)
        return True


async def carry_out(
    store: Store, tenant: str, attempt: Callable[[], Awaitable[Outcome[A]]],
    actor: Literal["admin", "system"] = "admin", applied: Callable[[], int] | None = None,
    origin: Origin | None = None,
) -> A | Refusal:  # fmt: skip
    """Append the outcome of ``attempt`` for an administrator, and decide again after a conflict.

    ``applied`` returns the position of the configuration in memory, for an ``attempt`` whose decision depends on it
    (decisions.md 9). When a claim is taken already, the Conflict is raised and nothing is decided again. ``origin``:
    the request that it comes from, where it is none of a command.
    """
    origin = origin or own_origin(tenant, actor)

    async def once() -> Outcome[A] | None:
        outcome = await attempt()
        try:
            # Nothing else runs between the end of ``attempt`` and ``applied``, so it is what was decided on.
            await _append(store, origin, outcome, None if applied is None else applied())
        except Conflict as conflict:
            if conflict.what == "claim":
                raise
            return None
        return outcome

    outcome = await again(once, tries=ATTEMPTS)
    if outcome is None:
        return temporarily_unavailable("Somebody else keeps changing the same thing.")
    return outcome.answer


async def change_state(
    store: Store, tenant: str, stream: str, fold: Fold[S], decide: Callable[[S, int], Decision[A]]
) -> A | Refusal:
    """Append for an administrator what ``decide(state, now)`` decides on the state of a stream."""

    async def attempt() -> Outcome[A]:
        state, version, now = await read_state(store, stream, fold)
        return outcome_of(stream, state, version, decide(state, now))

    return await carry_out(store, tenant, attempt)


def outcome_of(stream: str, state: Any, version: int, decision: Decision[A]) -> Outcome[A]:
    """A decision on one stream, as the outcome to append."""
    changes = (Change(stream, version, decision.events, state),) if decision.events else ()
    return Outcome(decision.answer, changes)


async def again(
    once: Callable[[], Awaitable[Outcome[A] | None]], *, tries: int | None = None, until: float = inf
) -> Outcome[A] | None:
    """Repeat ``once`` until it returns an outcome. Return None after ``tries`` conflicts, or at ``until`` (monotonic
    seconds)."""
    tried = 0
    while monotonic() < until and (tries is None or tried < tries):
        outcome = await once()
        if outcome is not None:
            return outcome
        tried += 1
        await asyncio.sleep(random.random() * 0.005)  # noqa: S311 - spreads out two processes, no secret
    return None


async def _append(
    store: Store, origin: Origin, outcome: Outcome[Any], applied: int | None
) -> AppendResult | None:
    """Append the outcome, if there is anything to append. Raises Conflict when the state has changed."""
    changes, rows = outcome.changes, outcome.rows
    if not changes and not rows:
        return None
    metadata = origin.metadata(origin.error_id if isinstance(outcome.answer, Refusal) else "")
    append = append_of(changes, metadata, rows=rows, expects=outcome.expects, applied=applied)
    appended = await store.append(append)
    if metrics.CLIENT_TOKENS.is_on and origin.client_id:
        _count_tokens(origin.client_id, append)
    if origin.places is not None:
        origin.places.noted.extend(places_of(append, appended))
    return appended


def _count_tokens(client_id: str, append: Append) -> None:
    for part in append.streams:
        for event in part.events:
            if event.type in ISSUES:
                metrics.CLIENT_TOKENS.add(client_id, ISSUES[event.type])


def _answer(outcome: Outcome[A], origin: Origin) -> A | Refusal:
    """The answer of the decision. A refusal that the appended events record says so, and is not recorded again."""
    answer = outcome.answer
    if isinstance(answer, Refusal) and origin.error_id and (outcome.changes or outcome.rows):
        return msgspec.structs.replace(answer, recorded=True)
    return answer


def append_of(
    changes: tuple[Change, ...],
    metadata: bytes,
    *,
    rows: tuple[Row, ...] = (),
    expects: tuple[tuple[str, int], ...] = (),
    applied: int | None = None,
) -> Append:
    """Build the store's unit of work for some changes, with their inline rows."""
    inline: list[Row] = []
    appends: list[StreamAppend] = []
    configuration = False
    for change in changes:
        stream = streams.parse(change.stream)
        events: tuple[NewEvent, ...] = tuple(codec.encode(event) for event in change.events)
        first = None if change.inputs is None else beside(metadata, change.inputs)
        appends.append(StreamAppend(change.stream, change.version, events, first))
        configuration = configuration or stream.kind in CONFIGURATION_KINDS
        inline.extend(session_client_rows(stream, change.events))
        projection = STATE_PROJECTIONS.get(stream.kind)
        if projection is None:
            inline.extend(token_rows(stream, change.events))
        else:
            state = projection.empty if change.before is None else change.before
            for event in change.events:
                state = projection.apply(state, event)
            inline.extend(state_rows(stream, state, change.version + len(change.events)))
    return Append(tuple(appends), metadata, (*inline, *rows), expects, applied, configuration)
