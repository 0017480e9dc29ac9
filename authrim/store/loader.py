"""Group calls: requests that arrive while one call is in flight share the next call.

Reads use it to become one ``= ANY(keys)`` query instead of one query each; guard rows and counters use it to
share one commit. A key that is asked for while its own call is in flight is asked again: whoever wrote before
asking sees what was written.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Generic, TypeVar

from authrim.store.contract import Overloaded, StoreError, Unavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class GroupLoader(Generic[K, V]):
    """Loads values by key, many at a time. ``load_many`` must answer every key that it is given."""

    def __init__(
        self,
        load_many: Callable[[list[K]], Awaitable[Mapping[K, V]]],
        *,
        batch_limit: int = 512,
        queue_limit: int = 16_384,
    ) -> None:
        self._load_many = load_many
        self._batch_limit = batch_limit
        self._queue_limit = queue_limit
        self._waiting: dict[K, list[asyncio.Future[V]]] = {}
        self._loading: asyncio.Task[None] | None = None
        self._closed = False

    def load(self, key: K) -> asyncio.Future[V]:
        """The value of a key, asked for at once; equal keys that wait together are asked once. Raises as ``load_many``
        does, when it is awaited."""
        if self._closed:
            raise Unavailable("the store is closed")
        if len(self._waiting) >= self._queue_limit:
            raise Overloaded("too many look-ups wait")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V] = loop.create_future()
        self._waiting.setdefault(key, []).append(future)
        self._running_load()
        return future

    async def close(self) -> None:
        """Accept no more calls and finish the waiting ones."""
        self._closed = True
        await self._running_load()

    def _running_load(self) -> asyncio.Task[None]:
        if self._loading is None or self._loading.done():
            self._loading = asyncio.get_running_loop().create_task(self._load_until_idle(), name="group load")
        return self._loading

    async def _load_until_idle(self) -> None:
        while self._waiting:
            batch = self._next_batch()
            try:
                await self._load_batch(batch)
            except BaseException as unexpected:  # nobody waits for an answer that never comes
                _refuse(batch, StoreError(f"the group call failed: {type(unexpected).__name__}"))
                if not isinstance(unexpected, Exception):
                    raise

    async def _load_batch(self, batch: dict[K, list[asyncio.Future[V]]]) -> None:
        try:
            loaded = await self._load_many(list(batch))
        except StoreError as unavailable:
            # What waited behind a call that failed would only wait as long again.
            behind, self._waiting = self._waiting, {}
            _refuse(batch, unavailable)
            _refuse(behind, unavailable)
        except Exception as failed:
            _refuse(batch, failed)
        else:
            for key, futures in batch.items():
                for future in futures:
                    if not future.done():
                        future.set_result(loaded[key])

    def _next_batch(self) -> dict[K, list[asyncio.Future[V]]]:
        if len(self._waiting) <= self._batch_limit:
            batch, self._waiting = self._waiting, {}
            return batch
        keys = [key for key, _ in zip(self._waiting, range(self._batch_limit), strict=False)]
        return {key: self._waiting.pop(key) for key in keys}


def _refuse(batch: dict[K, list[asyncio.Future[V]]], failure: Exception) -> None:
    for futures in batch.values():
        for future in futures:
            if not future.done():
                future.set_exception(type(failure)(*failure.args))
