"""Group commit on its own: what travels together, what waits, and what happens to those who give up.

The engine is a function that keeps what it is given and answers when it is told to.
"""

import asyncio

import pytest

from authrim.store.contract import (
    Append,
    AppendResult,
    Conflict,
    OutcomeUnknown,
    Overloaded,
    StreamAppend,
    Unavailable,
)
from authrim.store.group_commit import GroupCommit, QueueLimits
from projections.rows import Row
from tests.store.store_samples import METADATA, grant_append, new_event
from tests.support.patience import PATIENCE


class Engine:
    """Commits a batch when it is let through, and remembers it."""

    def __init__(self) -> None:
        self.batches: list[list[Append]] = []
        self.gate = asyncio.Semaphore(0)
        self.failure: Exception | None = None

    async def commit_batch(self, appends: list[Append]) -> list[AppendResult | Exception]:
        self.batches.append(appends)
        await self.gate.acquire()
        if self.failure is not None:
            raise self.failure
        return [AppendResult(1, 1, 1) for _ in appends]

    def let(self, batches: int) -> None:
        for _ in range(batches):
            self.gate.release()


async def started(commits: GroupCommit, *appends: Append) -> list[asyncio.Task[AppendResult]]:
    tasks = [asyncio.create_task(commits.append(append)) for append in appends]
    await asyncio.sleep(0.01)
    return tasks


def named(engine: Engine) -> list[list[str]]:
    """The streams of each batch."""
    return [[part.stream[-1] for append in batch for part in append.streams] for batch in engine.batches]


def on(name: str, **fields: object) -> Append:
    return Append((StreamAppend(f"default:grant:{name}", 0, (new_event(),)),), METADATA, **fields)  # type: ignore[arg-type]


async def test_who_waits_travels_together() -> None:
    """Appends that arrive while a batch is in flight share the next one, up to its limit."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch, batch_limit=2)
    tasks = await started(commits, on("a"))
    tasks += await started(commits, on("b"), on("c"), on("d"))
    engine.let(3)
    await asyncio.gather(*tasks)
    assert named(engine) == [["a"], ["b", "c"], ["d"]]


async def test_one_stream_once_a_batch() -> None:
    """Who writes, or reads, what another of the batch writes waits, in order; two readers do not."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch)
    b_read = {"expects": (("default:grant:b", 0),)}
    tasks = await started(commits, on("a"))
    tasks += await started(commits, on("b"), on("c", **b_read), on("d"), on("c"), on("e", **b_read))
    engine.let(9)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert named(engine) == [["a"], ["b", "d"], ["c"]]
    # b has moved: the two that were decided on it as it was have lost, and who waited behind them goes on.
    assert [type(result) for result in results] == [
        AppendResult,
        AppendResult,
        Conflict,
        AppendResult,
        AppendResult,
        Conflict,
    ]


async def test_rows_and_prefixes_keep_apart() -> None:
    """Two appends that touch one row, by key or by prefix, never share a batch."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch)

    def sealed(key: str, operation: str = "put") -> dict[str, object]:
        return {"rows": (Row("sealed", operation, {"key": key}),)}  # type: ignore[arg-type]

    tasks = await started(commits, on("0"))
    tasks += await started(
        commits,
        on("a", **sealed("default:x:1")),
        on("b", **sealed("default:x:1")),
        on("c", **sealed("default:x:*", "drop")),
        on("d", **sealed("default:y:1")),
    )
    engine.let(9)
    await asyncio.gather(*tasks)
    assert named(engine) == [["0"], ["a", "d"], ["b"], ["c"]]


async def test_outdated_appends_are_told_at_once() -> None:
    """A waiting append that a commit has overtaken is a conflict without asking the database."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch)
    tasks = await started(commits, *(on("a") for _ in range(64)))
    engine.let(1)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [AppendResult] + [Conflict] * 63
    assert len(engine.batches) == 1


async def test_a_full_queue_refuses() -> None:
    """One append more than may wait is Overloaded at once, and the others are committed."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch, QueueLimits(appends=3))
    tasks = await started(commits, on("a"))
    tasks += await started(commits, on("b"), on("c"), on("d"))
    with pytest.raises(Overloaded):
        await commits.append(on("e"))
    engine.let(9)
    assert len(await asyncio.gather(*tasks)) == 4


async def test_deadline_in_the_queue() -> None:
    """An append whose time is over while another batch hangs is Overloaded, and never sent."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch, QueueLimits(seconds=0.1))
    tasks = await started(commits, on("a"))
    tasks += await started(commits, on("b"))
    await asyncio.sleep(0.15)
    assert tasks[1].done()
    assert isinstance(tasks[1].exception(), Overloaded)
    tasks += await started(commits, on("c"))
    engine.let(9)
    await asyncio.gather(tasks[0], tasks[2])
    assert named(engine) == [["a"], ["c"]]


async def test_who_hangs_on_another_does_not_wait_for_the_database() -> None:
    """F40: appends that stay behind because they touch the same row are no queue of the database, which others would
    have to give way to; what comes while a batch is in flight is."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch, QueueLimits(seconds=0.2))
    same = (Row("session_clients", "put", {"key": "default:s:c"}),)
    tasks = await started(commits, *(on(name, rows=same) for name in "abc"))
    assert (named(engine), commits.oldest_wait) == ([["a"]], 0)
    tasks += await started(commits, on("d"))
    assert commits.oldest_wait > 0
    engine.let(1)
    await asyncio.sleep(0.01)
    assert (named(engine), commits.oldest_wait) == ([["a"], ["b", "d"]], 0)
    await asyncio.sleep(0.25)
    engine.let(1)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in results] == [AppendResult, AppendResult, Overloaded, AppendResult]
    await commits.close()


async def test_a_cancelled_caller_disturbs_nobody() -> None:
    """Who gives up while waiting is not sent; who gives up in flight is committed; the others get their answer."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch)
    in_flight, stays = await started(commits, on("a"), on("b"))
    waiting, last = await started(commits, on("c"), on("d"))
    in_flight.cancel()
    waiting.cancel()
    engine.let(9)
    results = await asyncio.gather(in_flight, stays, waiting, last, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, AppendResult] * 2
    assert named(engine) == [["a", "b"], ["d"]]


async def test_a_failed_batch_is_everybodys_answer() -> None:
    """When the engine cannot, each append of the batch is Unavailable, once, and the next batch is tried."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch)
    engine.failure = Unavailable("gone")
    tasks = await started(commits, on("a"), on("b"))
    engine.let(1)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["gone", "gone"]
    assert results[0] is not results[1]
    engine.failure = None
    engine.let(1)
    await commits.append(on("c"))


async def test_a_bad_append_is_found_alone() -> None:
    """An error that is not the store's fails only the append that causes it: the batch is sent one by one."""
    sent: list[int] = []

    async def commit_batch(appends: list[Append]) -> list[AppendResult | Exception]:
        sent.append(len(appends))
        if any(append.metadata == b"bad" for append in appends):
            raise ValueError
        return [AppendResult(1, 1, 1) for _ in appends]

    commits = GroupCommit(commit_batch)
    bad = Append((StreamAppend("default:grant:b", 0, (new_event(),)),), b"bad")
    results = await asyncio.gather(
        commits.append(on("a")), commits.append(bad), commits.append(on("c")), return_exceptions=True
    )
    assert [type(result) for result in results] == [AppendResult, ValueError, AppendResult]
    assert sent == [3, 1, 1, 1]


async def test_close_finishes_what_waits() -> None:
    """Closing commits what is queued and in flight, and takes no more (F33)."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch)
    tasks = await started(commits, on("a"))
    tasks += await started(commits, on("b"), grant_append("c"))
    closing = asyncio.create_task(commits.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await commits.append(on("d"))
    engine.let(9)
    await closing
    assert all(task.done() and task.exception() is None for task in tasks)


async def test_a_senseless_answer_leaves_nobody_waiting() -> None:
    """When the engine answers fewer appends than it was given, all of them are told so, and the next batch is tried."""
    answers = [1, 2]

    async def commit_batch(appends: list[Append]) -> list[AppendResult | Exception]:
        return [AppendResult(1, 1, 1)] * answers.pop(0)

    commits = GroupCommit(commit_batch)
    for expected in ({AppendResult, OutcomeUnknown}, {AppendResult}):
        async with asyncio.timeout(PATIENCE):
            results = await asyncio.gather(
                commits.append(on("a")), commits.append(on("b")), return_exceptions=True
            )
        assert {type(result) for result in results} == expected


async def test_a_cancelled_writer_is_replaced() -> None:
    """Who is in flight when the writer is cancelled gets an error; who waits or comes later is committed."""
    engine = Engine()
    commits = GroupCommit(engine.commit_batch)
    tasks = await started(commits, on("a"))
    tasks += await started(commits, on("b"))
    (writer,) = [task for task in asyncio.all_tasks() if task.get_name() == "group commit"]
    writer.cancel()
    engine.let(9)
    tasks += await started(commits, on("c"))
    async with asyncio.timeout(PATIENCE):
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await commits.close()
    assert [type(result) for result in results] == [OutcomeUnknown, AppendResult, AppendResult]
    assert named(engine) == [["a"], ["b", "c"]]
