"""``authrim audit`` and ``authrim projections`` as they are used: text, JSON, and the exit status, on each store."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authrim.commands.root import main
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.store.log_samples import CANARY, behind_its_back, write_history
from tests.support.running import MASTER_KEY


@pytest.fixture
def place(store_place: Path | str, monkeypatch: pytest.MonkeyPatch) -> Path | str:
    """A store with a history, which the settings name."""

    async def write() -> None:
        store: ReadBack = (
            SQLiteStore(store_place) if isinstance(store_place, Path) else PostgresStore(store_place)
        )
        await store.open()
        await write_history(store)
        await store.close()

    asyncio.run(write())
    settings = {
        "ISSUER": "https://login.example.com",
        "DATABASE": str(store_place),
        "MASTER_KEYS": MASTER_KEY,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"AUTHRIM_{name}", value)
    return store_place


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == status, (result.output, result.exception)
    return result


def run_json(*arguments: str, status: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", status=status).stdout)


def test_grant(place: Path | str) -> None:
    """``audit grant`` prints a timeline in words; with ``--json`` the same events with all their fields."""
    text = run("audit", "grant", "grant-2").output
    assert "Client app asked for authorization." in text
    assert "The client presented the same code again." in text
    assert text.index("exchanged the code") < text.index("same code again") < text.index("was revoked")
    told = run_json("audit", "grant", "grant-2")
    assert [event["version"] for event in told["events"]] == list(range(1, 10))
    assert told["events"][-1]["fields"] == {"reason": "code_replayed", "revoked_at": 120}
    assert "no grant with this id" in run("audit", "grant", "nothing", status=1).output


def test_why(place: Path | str) -> None:
    """``audit why`` says what was refused, why, by which rule, and when; an unknown id ends with status 1."""
    text = run("audit", "why", "error-alone").output
    for part in ("invalid_client", "secret was wrong", "RFC 6749 §5.2", "token", "trace-refused"):
        assert part in text
    assert run_json("audit", "why", "error-in-grant")["where"] == "grant grant-2"
    assert "error id" in run("audit", "why", "never-given", status=1).output


def test_verify_chain(place: Path | str) -> None:
    """``audit verify`` proves a true log, and names the first position of a false one with status 1 (A228)."""
    told = run_json("audit", "verify")
    assert (told["ok"], told["events"], told["problem"]) == (True, 26, None)
    if isinstance(place, Path):
        behind_its_back(place, "DROP TRIGGER events_no_update")
        behind_its_back(place, "UPDATE events SET payload = x'7b7d' WHERE position = 7")
    else:
        behind_its_back(place, "ALTER TABLE events DISABLE TRIGGER events_keep")
        behind_its_back(place, "UPDATE events SET payload = '{}' WHERE position = 7")
    told = run_json("audit", "verify", status=1)
    assert (told["ok"], told["problem"]["first_position"]) == (False, 7)
    assert "position 7" in run("audit", "verify", status=1).output


def test_nothing_to_prove(place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty log, as a wrong or lacking copy has it, is not called proved: it is said, with status 1."""
    migrate_sqlite(tmp_path / "empty.db")
    monkeypatch.setenv("AUTHRIM_DATABASE", str(tmp_path / "empty.db"))
    for command in (("audit", "verify"), ("projections", "verify"), ("projections", "rebuild")):
        assert run_json(*command, status=1)["ok"] is False
        assert "The log is empty" in run(*command, status=1).output


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
def test_a_lacking_copy_is_not_proved(
    place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A228: a copy of the file alone, taken from under a server, may fit in itself: it is no proof, status 1."""
    assert isinstance(place, Path)
    copy = tmp_path / "copy" / "authrim.db"
    copy.parent.mkdir()

    async def copied() -> None:
        store = SQLiteStore(place, exclusive=True)
        await store.open()
        shutil.copy(place, copy)
        await store.close()

    asyncio.run(copied())
    monkeypatch.setenv("AUTHRIM_DATABASE", str(copy))
    told = run_json("audit", "verify", status=1)
    assert (told["ok"], told["events"], told["problem"]) == (False, 26, None)
    assert "write-ahead log" in told["doubt"]
    assert "may not be the whole log" in run("audit", "verify", status=1).output


def test_projections(place: Path | str) -> None:
    """``projections verify`` ends with status 1 on a tampered row, ``rebuild`` mends it; neither shows a value."""
    assert run_json("projections", "verify")["ok"] is True
    behind_its_back(place, "UPDATE tokens SET revoked_at = NULL WHERE key = 'default:grant-1:grant-1-1'")
    text = run("projections", "verify", status=1).output
    assert "tokens default:grant-1:grant-1-1 differs: revoked_at" in text
    told = run_json("projections", "rebuild")
    assert (told["ok"], told["repaired"]) == (True, True)
    assert told["differences"][0]["columns"] == ["revoked_at"]
    assert run("projections", "verify").output.endswith("Every row is what the log says.\n")
    assert CANARY not in f"{text}{told}"
