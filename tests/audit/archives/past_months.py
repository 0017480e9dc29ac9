"""A log of the last months, and the commands that archive it and let contents leave it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authrim.audit.follow import FOLLOWED, Follower
from authrim.commands.root import main
from authrim.core.execute import Change, append_of
from authrim.core.origin import Origin
from authrim.store.monitor_contract import MONITOR
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite.store import SQLiteStore
from domain import stream as streams
from domain.grant import events as grant
from domain.refusal_events import RequestRefused
from tests.store.log_samples import REDIRECT_URI, TENANT, behind_its_back

#: A day in each of the months of the log; the commands run later.
DAYS = ("2026-08-15", "2026-09-10", "2026-10-20")
#: What leaves, and two of its kind that stay: one whose token is valid, one that is too young.
GONE, VALID, YOUNG = "gone", "valid", "young"

Write = Callable[[Any], Awaitable[None]]


def set_clock(place: Path | str, day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock of the log show another day."""
    micros = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000
    if isinstance(place, Path):
        monkeypatch.setattr("authrim.store.sqlite.clock.time_ns", lambda: micros * 1000)
    else:
        behind_its_back(
            place,
            "CREATE OR REPLACE FUNCTION clock_us() RETURNS BIGINT LANGUAGE sql VOLATILE PARALLEL SAFE"
            f" AS $$ SELECT {micros}::BIGINT $$",
        )


async def authrim(*arguments: object, status: int = 0) -> Result:
    command = [str(argument) for argument in arguments]
    result = await asyncio.to_thread(CliRunner().invoke, main, command)
    assert result.exit_code == status, (result.output, result.exception)
    return result


async def archive(out: Path, before: str = "2026-11") -> list[dict[str, Any]]:
    told = await authrim(
        "--json", "log", "archive", "--before", before, "--out", out, "--reason", "ticket 4711"
    )
    archives: list[dict[str, Any]] = json.loads(told.stdout)["archives"]
    return archives


def store_at(place: Path | str) -> Any:
    """The store of a file or a database."""
    return SQLiteStore(place) if isinstance(place, Path) else PostgresStore(place)


async def write_ended(store: Any, name: str, expires_at: int) -> None:
    """A grant with one access token, and a refusal."""
    origin = Origin(TENANT, client_id="app", subject="person").metadata()
    events = (
        grant.AuthorizationRequested("app", REDIRECT_URI, "code", "query", ("openid",), 90, 690),
        grant.SubjectAuthenticated("person", f"session-{name}", 95, "1", ("pwd",)),
        grant.AccessTokenIssued(
            f"{name}-1", "jwt", "app", ("openid",), ("https://api.example/",), 100, expires_at, "person"
        ),
    )
    await store.append(append_of((Change(streams.grant_stream(TENANT, name), 0, events),), origin))
    refused = RequestRefused(f"error-{name}", "token", "invalid_grant", "No.", 400, 220, client_id="app")
    stream = streams.refusal_stream(TENANT, f"error-{name}")
    await store.append(append_of((Change(stream, 0, (refused,)),), origin))


async def prove(store: Any) -> None:
    """Let the monitor have come to the end of the log. It would find fault with grants as simple as these."""
    outbox = store.outbox
    assert await outbox.advance(MONITOR, await outbox.position(MONITOR), (await store.head()).position)


async def archived_log(
    place: Path | str, folder: Path, monkeypatch: pytest.MonkeyPatch, *more: Write
) -> Path:
    """Add streams that ended in October, among them what ``more`` writes, and some that live or are young; the archives
    of it all. It is December then, and what is over has left the tables."""

    async def write_gone(store: Any) -> None:
        await write_ended(store, GONE, 700)
        await write_ended(store, VALID, 4_000_000_000)

    async def write_young(store: Any) -> None:
        await write_ended(store, YOUNG, 700)

    for day, writers in ((DAYS[2], (write_gone, *more)), ("2026-11-10", (write_young,))):
        set_clock(place, day, monkeypatch)
        store = store_at(place)
        await store.open()
        for write in writers:
            await write(store)
        for followed in FOLLOWED:
            await Follower(store, followed).catch_up()
        for ended in await store.take_deliveries(10, 30):
            await store.outbox.add((), (ended.position,))
        await prove(store)
        await store.close()
    set_clock(place, "2026-12-02", monkeypatch)
    await authrim("retention", "run")
    out = folder / "archives"
    await archive(out, "2026-12")
    return out


async def drop(archives: Path, before: str = "2026-12", status: int = 0) -> Any:
    """Run the command."""
    command = ("log", "drop", "--before", before, "--archives", archives, "--reason", "ticket 4711", "--yes")
    return await authrim(*(("--json",) if not status else ()), *command, status=status)


def emptied(place: Path | str) -> set[str]:
    """The streams whose rows have no contents, and all rows of which have none."""
    rows = behind_its_back(
        place,
        "SELECT stream_id, sum(length(payload) + length(metadata)), min(length(leaf)) FROM events GROUP BY stream_id",
    )
    return {str(stream) for stream, size, leaf in rows if not size and leaf == 32}


def files_of(folder: Path) -> list[Path]:
    """The files of a directory, in order."""
    return sorted(folder.iterdir())
