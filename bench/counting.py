"""What counting for Prometheus costs, by the clock: the calls that count one request, timed by themselves.

    .venv/bin/python -m bench.counting

A server in this process is asked 200 times for each request, and each call of a counter, gauge or histogram,
and of what counts requests, is noted. Then the same calls are made again and again without a server, 31 times
200 requests; the quickest is what they take on this machine when nothing else takes the processor. Runs of
whole servers, with counting and without, say nothing here: on a machine with other work, the same server
differs by a tenth and more from run to run.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from authrim.metrics.declaration import Counter, Gauge, Histogram
from authrim.store.sqlite.store import SQLiteStore
from authrim.web import middleware, overload_gate
from bench.side import DISCOVERY
from tests.support.ready_made import new_sqlite_file
from tests.support.running import RunningServer, running_server

REQUESTS: Final = 200
ROUNDS: Final = 31
#: Whatever counts, where it is looked up: methods, and the function that counts each request.
_COUNTING: Final = (
    (Counter, "add"), (Counter, "add_more"), (Histogram, "observe"), (Gauge, "set"),
    (middleware, "count_request"), (overload_gate, "count_request"),
)  # fmt: skip
Call = tuple[Callable[..., None], tuple[Any, ...]]


@contextmanager
def noted() -> Iterator[list[Call]]:
    """The calls that count, as long as the block; one that is made by another of them is part of it."""
    calls: list[Call] = []
    usual = [(kind, name, getattr(kind, name)) for kind, name in _COUNTING]
    inside = False

    def noting(call: Callable[..., None]) -> Callable[..., None]:
        def note(*arguments: Any) -> None:
            nonlocal inside
            if inside:
                return call(*arguments)
            calls.append((call, arguments))
            inside = True
            try:
                return call(*arguments)
            finally:
                inside = False

        return note

    for kind, name, call in usual:
        setattr(kind, name, noting(call))
    try:
        yield calls
    finally:
        for kind, name, call in usual:
            setattr(kind, name, call)


def quickest(calls: list[Call]) -> float:
    """Seconds that the calls take, the least of some rounds."""
    took = []
    for _ in range(ROUNDS):
        began = perf_counter()
        for call, arguments in calls:
            call(*arguments)
        took.append(perf_counter() - began)
    return min(took)


async def measure() -> None:
    """Ask, time, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(new_sqlite_file(Path(folder) / "authrim.db"))
        await store.open()
        with noted() as calls:
            async with running_server(store, background="none", log_level="error") as server:
                service, api = await server.client("service"), await server.client("api")
                form = {"grant_type": "client_credentials"}
                _, token = await server.post("/token", form, service.basic)
                opaque = {"token": token["access_token"]}
                asked: dict[str, Callable[[], Awaitable[object]]] = {
                    "client credentials, opaque": lambda: server.post("/token", form, service.basic),
                    "introspection, opaque": lambda: server.post("/introspect", opaque, api.basic),
                    "discovery": lambda: _fetch(server),
                }
                of_request: dict[str, list[Call]] = {}
                for title, ask in asked.items():
                    await ask()
                    calls.clear()
                    for _ in range(REQUESTS):
                        await ask()
                    of_request[title] = calls.copy()
        print("| request | calls | µs |")
        print("|---|---:|---:|")
        for title, made in of_request.items():
            print(f"| {title} | {len(made) / REQUESTS:.1f} | {quickest(made) / REQUESTS * 1e6:.2f} |")
        await store.close()


async def _fetch(server: RunningServer) -> None:
    async with server.http.get(server.url(DISCOVERY)) as answer:
        assert answer.status == 200
        await answer.read()


if __name__ == "__main__":
    asyncio.run(measure())
