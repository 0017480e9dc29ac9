"""A log of the last months, and the commands that archive it."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authrim.commands.root import main
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite.store import SQLiteStore
from tests.store.log_samples import behind_its_back

#: A day in each of the months of the log; the commands run later.
DAYS = ("2026-08-15", "2026-09-10", "2026-10-20")


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
