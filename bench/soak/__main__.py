"""A mixed load at a fixed rate for some time, and what grows meanwhile: ``python -m bench.soak [--minutes N]``.

Two server processes, the background work in one of its own, a PostgreSQL of its own. Tokens live for a minute, refresh
tokens for two, sessions for five. What has ended leaves the tables an hour later or more, which is longer than a run:
so the code of the server deletes it with a clock that is that much ahead. Everything is read every ten seconds. The
exit status is 1 when anything grows without bound, a rule is broken, or requests fail.
"""

import argparse
import asyncio
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from authrim.core.retention import Retention
from authrim.settings import load as load_settings
from authrim.store.contract import StoreError
from authrim.store.postgres.store import PostgresStore
from bench.authrim_side import LOGIN, PASSWORD, AuthrimSide
from bench.http_client import REDIRECT_URI
from bench.soak import page
from bench.soak.load import Load
from bench.soak.page import Report, Window
from bench.soak.readings import Readings, read
from domain.client.metadata import ClientMetadata
from projections.expiry import HOT, SESSION_KEPT, SETTLED_KEPT, TOKEN_KEPT
from tests import postgres_cluster
from tests.support.ports import free_port

#: Seconds between two readings, and between two deletions.
_PAUSE: Final = 10.0
#: By how many seconds the clock of the deletion is ahead, so that what has ended just now leaves.
_AHEAD: Final = {"tokens": TOKEN_KEPT, "sessions": SESSION_KEPT, "outbox": SETTLED_KEPT}
_LIFETIMES: Final = {
    "access_token_lifetime": 60, "id_token_lifetime": 60, "refresh_token_lifetime": 120, "session_lifetime": 300,
    "interaction_lifetime": 60,
}  # fmt: skip
_CLIENT: Final = ClientMetadata(
    client_name="Soak", redirect_uris=(REDIRECT_URI,), skip_consent=True,
    grant_types=("authorization_code", "refresh_token", "client_credentials"),
    scope=("openid", "offline_access", "api"), id_token_signed_response_alg="ES256",
    access_token_signing_alg="ES256",
)  # fmt: skip


def main() -> int:
    """Send, read, judge and print."""
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    cluster = postgres_cluster.start()
    metrics = f"127.0.0.1:{free_port()}"
    try:
        with tempfile.TemporaryDirectory(prefix="authrim-soak-") as folder:
            dsn = cluster.dsn(cluster.new_database())
            settings = {"database": dsn, "workers": 2, "metrics_listen": metrics, **_LIFETIMES}
            with AuthrimSide.started(Path(folder), None, {"soak": _CLIENT}, **settings) as side:
                report = asyncio.run(_run(side, dsn, f"http://{metrics}/metrics", Path(folder), options))
    finally:
        postgres_cluster.stop(cluster)
    print(page.text(report))
    if options.write:
        command = f"python -m bench.soak --minutes {options.minutes:g} --rate {options.rate:g}"
        page.write(report, command)
    for fault in report.faults:
        print(f"WRONG: {fault}")
    return 1 if report.faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, default=40, help="pieces of work per second")
    parser.add_argument("--write", action="store_true", help="write docs/operations/benchmarks-soak.md")
    return parser.parse_args()


async def _run(
    side: AuthrimSide, dsn: str, metrics: str, folder: Path, options: argparse.Namespace
) -> Report:
    load = Load(side.url(""), side.client_id["soak"], side.basic("soak"), (LOGIN, PASSWORD))
    readings: list[tuple[float, Readings]] = []
    windows: list[Window] = []
    beside = [
        asyncio.create_task(_read(side.pid, dsn, metrics, load, readings, windows)),
        asyncio.create_task(_delete(dsn, folder)),
    ]
    await load.send(options.rate, options.minutes * 60)
    for task in beside:
        if task.done():
            task.result()  # it failed, and the run says nothing
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return Report(options.rate, readings, windows, load.done, load.failures, load.late)


async def _read(
    pid: int, dsn: str, metrics: str, load: Load,
    readings: list[tuple[float, Readings]], windows: list[Window],
) -> None:  # fmt: skip
    """Read everything again and again, beside the event loop that sends the load."""
    began = monotonic()
    while True:
        await asyncio.sleep(_PAUSE)
        times, load.times = load.times, []
        passed = monotonic() - began
        windows.append(Window.of(passed, times))
        readings.append((passed, await asyncio.to_thread(read, pid, dsn, metrics)))


async def _delete(dsn: str, folder: Path) -> None:
    """Let what has ended leave the tables, as the server does, without the time that it is kept."""
    store = PostgresStore(dsn)
    await store.open()
    retention = Retention(store, load_settings(folder / "authrim.toml"))
    try:
        while True:
            await asyncio.sleep(_PAUSE)
            with suppress(StoreError):
                now = await retention.now()
                for table in HOT:
                    if table == "monitor_states":
                        continue  # its rows leave at fixed times of the day
                    more = True
                    while more:
                        _deleted, more = await retention.step(table, now + _AHEAD.get(table, 0))
    finally:
        await store.close()


if __name__ == "__main__":
    sys.exit(main())
