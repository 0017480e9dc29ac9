"""Group commit: one writer a process carries all waiting appends to the database as one transaction.

Appends that arrive while a batch is in flight wait, and travel together in the next. Inside a batch no
append may hang on another: one that writes what another reads or writes stays behind for the following batch.
So each batch can be checked as a set, and a conflict never disturbs a neighbour.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from time import perf_counter
from typing import Final, NamedTuple

from authrim.metrics import catalogue as metrics
from authrim.store.contract import (
    Append,
    AppendResult,
    Conflict,
    OutcomeUnknown,
    Overloaded,
    StoreError,
    Unavailable,
)

#: The engine: commits all appends but those it answers with an exception. A StoreError it raises answers the
#: whole batch; any other exception means that nothing was committed.
CommitBatch = Callable[[list[Append]], Awaitable[Sequence[AppendResult | Exception]]]

_CLOSED = "the store is closed"


class _QueuedAppend:
    """An append in the queue, the caller's future, and the loop's time until which it may wait."""

    __slots__ = ("append", "deadline", "future")

    def __init__(self, append: Append, future: asyncio.Future[AppendResult], deadline: float) -> None:
        self.append = append
        self.future = future
        self.deadline = deadline


class QueueLimits(NamedTuple):
    """How many appends may wait, and for how many seconds. Beyond that an append is Overloaded and never sent."""

    appends: int = 4096
    seconds: float = 1.0


#: The limits of a store that is given none.
QUEUE_LIMITS = QueueLimits()


class GroupCommit:
    """The queue and its writer. ``batch_limit`` counts appends."""

    def __init__(
        self, commit_batch: CommitBatch, limits: QueueLimits | None = None, *, batch_limit: int = 512
    ) -> None:
        self._commit_batch = commit_batch
        self._limits = limits or QUEUE_LIMITS
        self._batch_limit = batch_limit
        self._queue: deque[_QueuedAppend] = deque()
        #: Those that a batch left behind, older than the queue: they hang on one another, not on the database.
        self._held: deque[_QueuedAppend] = deque()
        self._work = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._closed = False

    async def append(self, append: Append) -> AppendResult:
        """Commit with the next batch that has room. Raises Conflict, Overloaded or Unavailable."""
        if self._closed:
            raise Unavailable(_CLOSED)
        if self._waiting >= self._limits.appends:
            metrics.APPENDS.add("overloaded")
            raise Overloaded("the append queue is full")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[AppendResult] = loop.create_future()
        deadline = loop.time() + self._limits.seconds
        self._queue.append(_QueuedAppend(append, future, deadline))
        self._running_writer()
        if self._expiry is None:
            self._expiry = loop.call_at(deadline, self._expire)
        self._work.set()
        return await future

    @property
    def oldest_wait(self) -> float:
        """For how many seconds the oldest append has waited for the database; 0 when none does. One that a batch left
        behind waits for another append, which says nothing of how much there is to do."""
        if not self._queue:
            return 0.0
        return asyncio.get_running_loop().time() + self._limits.seconds - self._queue[0].deadline

    def measure(self) -> None:
        """Set the gauges of the queue."""
        metrics.APPENDS_WAITING.set(self._waiting)
        metrics.APPENDS_WAITING_MOST.set(self._limits.appends)

    @property
    def _waiting(self) -> int:
        return len(self._held) + len(self._queue)

    async def close(self) -> None:
        """Take no more, commit what waits, and stop."""
        self._closed = True
        self._work.set()
        await self._running_writer()
        if self._expiry is not None:
            self._expiry.cancel()

    def _running_writer(self) -> asyncio.Task[None]:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write(), name="group commit")
        return self._writer

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            batch = self._next_batch()
            if batch:
                await self._commit_or_give_up(batch)
                await asyncio.sleep(0)  # callers just answered may join the next batch
            if not self._waiting:
                if self._closed:
                    return
                self._work.clear()

    def _next_batch(self) -> list[_QueuedAppend]:
        """The oldest waiting appends that are independent of each other; the others keep their order."""
        batch: list[_QueuedAppend] = []
        held: deque[_QueuedAppend] = deque()
        touched = _AccessSets()
        for queue in (self._held, self._queue):
            while queue and len(batch) < self._batch_limit:
                waiting = queue.popleft()
                if waiting.future.done():  # the caller went away, or the deadline passed
                    continue
                (batch if touched.add(waiting.append) else held).append(waiting)
        held.extend(self._held)
        self._held = held
        return batch

    async def _commit_or_give_up(self, batch: list[_QueuedAppend]) -> None:
        """Whatever happens, nobody of the batch waits for an answer that never comes."""
        self._measure_batch(batch)
        began = perf_counter()
        try:
            await self._commit(batch)
            metrics.APPEND_COMMIT.observe(perf_counter() - began)
        except BaseException as unexpected:
            for waiting in batch:
                _resolve(waiting.future, OutcomeUnknown(f"the writer failed: {type(unexpected).__name__}"))
            if not isinstance(unexpected, Exception):
                raise

    def _measure_batch(self, batch: list[_QueuedAppend]) -> None:
        metrics.APPEND_BATCH.observe(len(batch))
        queued_now = asyncio.get_running_loop().time() + self._limits.seconds
        for waiting in batch:
            metrics.APPEND_WAIT.observe(queued_now - waiting.deadline)

    async def _commit(self, batch: list[_QueuedAppend]) -> None:
        appends = [waiting.append for waiting in batch]
        try:
            results = await self._commit_batch(appends)
        except StoreError as refused:
            results = [type(refused)(*refused.args) for _ in batch]
        except Exception as failed:
            if len(batch) > 1:  # one of them is bad: alone, each gets its own answer
                for waiting in batch:
                    await self._commit([waiting])
                return
            results = [failed]
        for waiting, result in zip(batch, results, strict=True):
            if isinstance(result, AppendResult):
                _count_events(waiting.append)
            _resolve(waiting.future, result)
        self._refuse_outdated(appends, results)

    def _refuse_outdated(self, appends: list[Append], results: Sequence[AppendResult | Exception]) -> None:
        """Answer at once those whose streams this batch has moved: the database could only say the same."""
        if not self._waiting:
            return
        committed = {
            part.stream: part.expected_version + len(part.events)
            for append, result in zip(appends, results, strict=True)
            if isinstance(result, AppendResult)
            for part in append.streams
        }
        for waiting in chain(self._held, self._queue):
            if outdated := _outdated(waiting.append, committed):
                _resolve(waiting.future, Conflict("version", outdated))

    def _expire(self) -> None:
        """Refuse those at the front whose time is over. Deadlines are in the order of each queue."""
        loop = asyncio.get_running_loop()
        self._expiry = None
        for queue in (self._held, self._queue):
            while queue and (queue[0].future.done() or queue[0].deadline <= loop.time()):
                _resolve(queue.popleft().future, Overloaded("the append waited too long"))
        if self._waiting:
            first = min(queue[0].deadline for queue in (self._held, self._queue) if queue)
            self._expiry = loop.call_at(first, self._expire)


class _AccessSets:
    """The streams and keys that a batch, and the appends held back before it, read and write."""

    def __init__(self) -> None:
        self._written: set[str] = set()
        self._read: set[str] = set()
        self._keys: set[tuple[str, str]] = set()
        self._prefixes: set[tuple[str, str]] = set()
        #: For each length that a prefix has: the beginnings of that length of all keys.
        self._beginnings: dict[int, set[tuple[str, str]]] = {}
        self._configuration = False

    def add(self, append: Append) -> bool:
        """Take note of an append. True when it is independent of all that were added before."""
        independent = not (self._configuration and append.applied is not None)
        for part in append.streams:
            if part.stream in self._written or part.stream in self._read:
                independent = False
        for stream, _version in append.expects:
            if stream in self._written:
                independent = False
        self._written.update(part.stream for part in append.streams)
        self._read.update(stream for stream, _version in append.expects)
        self._configuration = self._configuration or append.configuration
        return self._add_rows(append) and independent

    def _add_rows(self, append: Append) -> bool:
        keys = {(row.table, row.values["key"]) for row in append.rows}
        prefixes = {(table, key[:-1]) for table, key in keys if key.endswith("*")}
        for _, prefix in prefixes:
            if len(prefix) not in self._beginnings:
                self._beginnings[len(prefix)] = _beginnings(self._keys, len(prefix))
        covered = any((table, prefix) in self._beginnings[len(prefix)] for table, prefix in prefixes)
        independent = self._keys.isdisjoint(keys) and not covered
        for length, beginnings in self._beginnings.items():
            added = _beginnings(keys, length)
            independent = independent and self._prefixes.isdisjoint(added)
            beginnings.update(added)
        self._keys |= keys
        self._prefixes |= prefixes
        return independent


def _beginnings(keys: set[tuple[str, str]], length: int) -> set[tuple[str, str]]:
    return {(table, key[:length]) for table, key in keys}


def _outdated(append: Append, committed: dict[str, int]) -> str:
    """The stream that has moved under an append, or nothing."""
    for part in append.streams:
        if committed.get(part.stream, part.expected_version) > part.expected_version:
            return part.stream
    for stream, version in append.expects:
        if committed.get(stream, version) != version:
            return stream
    return ""


def _count_events(append: Append) -> None:
    for part in append.streams:
        for event in part.events:
            metrics.EVENTS.add(event.type)


_RESULTS: Final[dict[type, str]] = {
    AppendResult: "committed",
    Conflict: "conflict",
    Overloaded: "overloaded",
    Unavailable: "unavailable",
    OutcomeUnknown: "outcome_unknown",
}


def _resolve(future: asyncio.Future[AppendResult], result: AppendResult | Exception) -> None:
    metrics.APPENDS.add(_RESULTS.get(type(result), "failed"))
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
