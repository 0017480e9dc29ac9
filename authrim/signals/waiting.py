"""What waits for a receiver, made of the log behind what it has got; and what is recorded when it has got more."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

import structlog

from authrim.core.execute import Change, Outcome
from authrim.core.origin import Origin
from authrim.core.parts import Core, Part
from authrim.core.sealed_rows import erasing_row
from authrim.crypto.sealing import SealBroken
from authrim.memory.lru_cache import LruCache
from authrim.signals._candidates import Candidates, candidates, indexed_to
from authrim.signals._tokens import Token, Tokens
from authrim.signals.receivers import OWNER_KIND, Receiver, state_row
from authrim.store import codec
from authrim.store.codec import UnreadableEvent
from authrim.store.contract import StoredEvent
from domain.errors import Refusal
from domain.signal.progress import WINDOW, Progress, delivered, progress_of
from domain.stream import SIGNAL, delivered_stream, parse

log = structlog.get_logger(__name__)

#: Tokens that are made at the same time.
_AT_ONCE: Final = 32
#: Tokens that a process remembers, so that what was sent is not made again when it is acknowledged.
_REMEMBERED: Final = 10_000


class Waiting(NamedTuple):
    """Tokens in the log's order. ``read_to``: up to there are no others. ``version`` is that of the delivery stream,
    ``now`` in seconds."""

    tokens: tuple[Token, ...]
    progress: Progress
    read_to: int
    version: int
    now: int


class Signals:
    """What a process remembers between two looks at a receiver. Nothing depends on it but time."""

    def __init__(self) -> None:
        self._tokens = Tokens()
        self._indexed_to = 0
        #: The slice of time up to which this process pushes to a receiver (push.py).
        self.leases: dict[str, int] = {}
        self.taking: set[asyncio.Task[bool]] = set()
        self._made: LruCache[tuple[str, int, int], Token | None] = LruCache(_REMEMBERED)
        self._nothing_up_to: LruCache[tuple[str, int, int], int] = LruCache(_REMEMBERED)

    async def waiting(
        self, core: Core, receiver: Receiver, most: int = WINDOW, *, to_head: bool = True
    ) -> Waiting:
        """At most ``most`` tokens that the receiver has not got. ``to_head`` False: of what this process has looked at
        before, without work for the index. Raises Unavailable."""
        if to_head:
            self._indexed_to = max(self._indexed_to, await indexed_to(core))
        until = self._indexed_to
        progress, version, now = await _read_progress(core, receiver)
        key = (receiver.owner, receiver.version, progress.through)
        after = max(progress.through, 0 if progress.beyond else self._nothing_up_to.get(key) or 0)
        tokens: list[Token] = []
        most = min(most, WINDOW - len(progress.beyond))
        while len(tokens) < most and after < until:
            page = await candidates(core, receiver.tenant, after, until)
            tokens += await self._made_of(core, receiver, page, progress)
            after = page.read_to
        if not tokens:
            self._nothing_up_to.put(key, after)
        if len(tokens) > most:
            after, tokens = tokens[most].position - 1, tokens[:most]
        return Waiting(tuple(tokens), progress, after, version, now)

    async def first_waiting(self, core: Core, receiver: Receiver, kind: str, until: int) -> Token | None:
        """The first token of an event in streams of a kind, not after a position, that the receiver has not got. The
        index has to have come as far."""
        progress, _version, _now = await _read_progress(core, receiver)
        after = progress.through
        while after < until:
            page = await candidates(core, receiver.tenant, after, until)
            some = [event for event in page.events if parse(event.stream).kind == kind]
            tokens = await self._made_of(core, receiver, Candidates(some, page.read_to), progress)
            if tokens:
                return tokens[0]
            after = page.read_to
        return None

    async def _made_of(
        self, core: Core, receiver: Receiver, page: Candidates, progress: Progress
    ) -> list[Token]:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def make(stored: StoredEvent) -> Token | None:
            key = (receiver.owner, receiver.version, stored.position)
            made = self._made.get(key)
            if made is None:
                async with turns:
                    made = await self._token_of(core, receiver, stored)
                if made is not None:
                    self._made.put(key, made)
            return made

        wanted = [event for event in page.events if event.position not in progress.beyond]
        made = await asyncio.gather(*(make(event) for event in wanted))
        return [token for token in made if token is not None]

    async def _token_of(self, core: Core, receiver: Receiver, stored: StoredEvent) -> Token | None:
        try:
            return await self._tokens.token_of(core, receiver, stored)
        except (UnreadableEvent, SealBroken) as error:  # F19: the others go on
            log.error("signals.event_failed", position=stored.position, kind=type(error).__name__)
            return None

    async def record(
        self, core: Core, origin: Origin, receiver: Receiver, got: Collection[str],
        refused: Mapping[str, str],
    ) -> int:  # fmt: skip
        """Record what the receiver has got and what it could not use, by ``jti``; how many of them were new."""
        stream = delivered_stream(receiver.tenant, receiver.owner)

        async def attempt() -> Outcome[int]:
            waiting = await self.waiting(core, receiver, to_head=False)
            named = {token.event.token_id: token for token in waiting.tokens}
            if not named.keys() >= {*got, *refused}:  # another process sent them, or they are no news
                waiting = await self.waiting(core, receiver)
                named = {token.event.token_id: token for token in waiting.tokens}
            taken = [named[one] for one in (*got, *refused) if one in named]
            errors = {named[one].position: error for one, error in refused.items() if one in named}
            event = delivered(
                waiting.progress,
                [token.position for token in waiting.tokens],
                waiting.read_to,
                {token.position for token in taken},
                errors,
                waiting.now,
            )
            if event is None:
                return Outcome(0)
            rows = tuple(
                erasing_row(receiver.tenant, OWNER_KIND, receiver.owner, state_row(token.verification_id))
                for token in taken
                if token.verification_id
            )
            return Outcome(event.count, (Change(stream, waiting.version, (event,)),), rows)

        count = await core.executor.until_it_fits(origin, attempt, stream, on_configuration=False)
        assert not isinstance(count, Refusal), "nothing refuses it"
        return count


async def _read_progress(core: Core, receiver: Receiver) -> tuple[Progress, int, int]:
    """The progress, the version of its stream, and the clock. Only the newest event is read."""
    name = delivered_stream(receiver.tenant, receiver.owner)
    newest = await core.store.read_stream_end(name, 1)
    begins_after = receiver.stream.begins_after
    if not newest:
        return Progress(begins_after), 0, core.now()
    event = codec.decode(SIGNAL, newest[0].type, newest[0].payload)
    return progress_of(event, begins_after), newest[0].version, core.now()


SIGNALS: Final[Part[Signals]] = Part("signals")
