"""Group calls on their own: what is shared, what is asked again, and what a failure takes with it."""

import asyncio

import pytest

from authrim.store.contract import Overloaded, StoreError, Unavailable
from authrim.store.loader import GroupLoader
from tests.support.patience import PATIENCE


class Source:
    """Answers each key with itself, when it is let, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.gate = asyncio.Event()
        self.failure: Exception | None = None

    async def load_many(self, keys: list[str]) -> dict[str, str]:
        self.calls.append(keys)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return {key: key for key in keys}


async def started(loader: GroupLoader[str, str], *keys: str) -> list[asyncio.Future[str]]:
    tasks = [loader.load(key) for key in keys]
    await asyncio.sleep(0.01)
    return tasks


async def test_who_waits_travels_together() -> None:
    """Keys asked for while a call is in flight share the next one, each once, also one that is in flight."""
    source = Source()
    loader = GroupLoader(source.load_many)
    tasks = await started(loader, "a")
    tasks += await started(loader, "b", "a", "b", "c")
    source.gate.set()
    assert await asyncio.gather(*tasks) == ["a", "b", "a", "b", "c"]
    assert source.calls == [["a"], ["b", "a", "c"]]


async def test_limits() -> None:
    """A call takes at most ``batch_limit`` keys, and one key more than may wait is Overloaded."""
    source = Source()
    loader = GroupLoader(source.load_many, batch_limit=2, queue_limit=3)
    tasks = await started(loader, "a")
    tasks += await started(loader, "b", "c", "d")
    with pytest.raises(Overloaded):
        await loader.load("e")
    source.gate.set()
    await asyncio.gather(*tasks)
    assert source.calls == [["a"], ["b", "c"], ["d"]]


async def test_a_failure_takes_those_behind_it() -> None:
    """When a call is Unavailable, who waits behind it is told at once, and the next call is tried."""
    source = Source()
    loader = GroupLoader(source.load_many)
    tasks = await started(loader, "a")
    tasks += await started(loader, "a", "b")
    source.failure = Unavailable("gone")
    source.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["gone"] * 3
    source.failure = None
    assert await loader.load("a") == "a"


async def test_an_error_stays_in_its_call() -> None:
    """An error that is not the store's goes to the callers of that call only."""
    source = Source()
    loader = GroupLoader(source.load_many)
    source.failure = ValueError("bad")
    tasks = await started(loader, "a")
    source.gate.set()
    with pytest.raises(ValueError, match="bad"):
        await tasks[0]
    source.failure = None
    assert await loader.load("b") == "b"


async def test_close_finishes_what_waits() -> None:
    """Closing answers those who wait and takes no more."""
    source = Source()
    loader = GroupLoader(source.load_many)
    tasks = await started(loader, "a")
    tasks += await started(loader, "b")
    closing = asyncio.create_task(loader.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await loader.load("c")
    source.gate.set()
    await closing
    assert await asyncio.gather(*tasks) == ["a", "b"]


async def test_a_key_that_is_left_out() -> None:
    """Who asks for a key that the call does not answer gets an error, and the next call is tried."""

    async def load_many(keys: list[str]) -> dict[str, str]:
        return {key: key for key in keys if key != "left out"}

    loader = GroupLoader(load_many)
    async with asyncio.timeout(PATIENCE):
        answered, left_out = await asyncio.gather(
            loader.load("a"), loader.load("left out"), return_exceptions=True
        )
        assert answered == "a"
        assert isinstance(left_out, StoreError)
        assert await loader.load("b") == "b"


async def test_a_cancelled_call_is_replaced() -> None:
    """Who is in a call that is cancelled gets an error; who waits or comes later is answered."""
    source = Source()
    loader = GroupLoader(source.load_many)
    tasks = await started(loader, "a")
    tasks += await started(loader, "b")
    (loading,) = [task for task in asyncio.all_tasks() if task.get_name() == "group load"]
    loading.cancel()
    await asyncio.sleep(0)  # it ends, and who comes now begins another
    source.gate.set()
    tasks += await started(loader, "c")
    async with asyncio.timeout(PATIENCE):
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await loader.close()
    assert isinstance(results[0], StoreError)
    assert results[1:] == ["b", "c"]
