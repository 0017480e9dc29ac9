"""``authrim account hold``, ``release`` and ``erase``, where an erasure has to wait."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.sealed_rows import SUBJECT, PrivateData
from authrim.people import erasure as erasing
from authrim.people.accounts import read_account
from authrim.people.erasure import ErasureRequest, erase_account
from authrim.people.replaced_claims import kept_name, replaced_claims
from authrim.store.sqlite.store import SQLiteStore
from domain.errors import Refusal
from domain.person.account import Account
from domain.person.account_events import HoldPlaced
from domain.stream import account_stream
from tests.commands.cli.test_cli_accounts import create
from tests.support.command_line import CommandLine

UID = f"uid {os.getuid()}"


async def test_a_hold_and_its_end(authrim: CommandLine, store: SQLiteStore, private: PrivateData) -> None:
    """A235: a hold is recorded with who and why, forbids the erasure on every path, keeps what is replaced, and ends
    with a record; then the erasure takes what was kept too."""
    run = lambda *arguments, **more: asyncio.to_thread(authrim.json, *arguments, **more)  # noqa: E731
    subject = await asyncio.to_thread(create, authrim, "alice")
    await run("account", "set-claims", "alice", "-", stdin='{"name": "Alice Canary"}')
    placed = await run("account", "hold", "alice", "--reason", "case 7", "--until", "2126-01-01T00:00:00Z")
    refused = await run("account", "erase", "alice", "--yes", status=1)
    assert "legal hold" in refused["description"]
    assert isinstance(await erase_account(store, private, private._master, "default", subject), Refusal)
    await run("account", "set-claims", "alice", "-", stdin="{}")
    assert await replaced_claims(store, private, "default", subject) == [{"name": "Alice Canary"}]
    shown = await run("account", "show", "alice")
    assert shown["holds"] == {placed["hold_id"]: "until 2126-01-01T00:00:00Z"}
    await asyncio.to_thread(create, authrim, "bob")
    (listed,) = (await run("account", "list", "--held"))["accounts"]
    assert (listed["subject"], listed["holds"]) == (subject, [placed["hold_id"]])
    released = await run("account", "release", "alice", "--reason", "case 7 is closed")
    assert released["holds"] == {}
    assert await replaced_claims(store, private, "default", subject) == []
    assert (await run("account", "erase", "alice", "--yes"))["status"] == "erased"
    events = await store.read_whole_stream(account_stream("default", subject))
    kinds = [event.type.split(".")[1] for event in events][-4:]
    assert kinds == ["hold_placed", "claims_changed", "hold_released", "person_erased"]
    assert all(f'"operator":"{UID}"'.encode() in event.payload for event in (events[-4], events[-1]))
    assert b'"keys":["' in events[-1].payload
    await asyncio.to_thread(authrim.run, "replay", "--check")


async def test_what_a_hold_kept_goes_when_it_is_over(
    authrim: CommandLine, store: SQLiteStore, private: PrivateData
) -> None:
    """A235: what was kept because of a hold that ended by its time goes with the next change of claims."""
    subject = await asyncio.to_thread(create, authrim, "alice")

    async def held_once() -> Outcome[None]:
        read = await read_account(store, "default", subject)
        change = Change(
            account_stream("default", subject), read.version, (HoldPlaced("h", "case", 1, 2),), read.account
        )
        rows = await private.more_rows(
            "default", SUBJECT, subject, {kept_name(1): b'{"name": "Alice Canary"}'}
        )
        return Outcome(None, (change,), rows)

    await carry_out(store, "default", held_once)
    assert await replaced_claims(store, private, "default", subject)
    await asyncio.to_thread(authrim.run, "account", "set-claims", "alice", "-", stdin='{"name": "Alice"}')
    assert await replaced_claims(store, private, "default", subject) == []


def test_refused_holds(authrim: CommandLine) -> None:
    """A hold needs a reason that can be recorded, an end that is to come, and a person; a release needs a hold."""
    create(authrim, "alice")
    authrim.run("account", "hold", "alice", status=2)
    authrim.run("account", "hold", "alice", "--reason", "x", "--until", "4711", status=2)
    past = authrim.json("account", "hold", "alice", "--reason", "x", "--until", "2020-01-01", status=1)
    assert "before it begins" in past["description"]
    assert (
        "cannot be recorded"
        in authrim.json("account", "hold", "alice", "--reason", "a\nb", status=1)["description"]
    )
    assert (
        "no such account" in authrim.json("account", "hold", "bob", "--reason", "x", status=1)["description"]
    )
    assert (
        "no such hold"
        in authrim.json("account", "release", "alice", "--reason", "x", status=1)["description"]
    )


def test_two_operators_and_a_delay(authrim: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A235: with both settings the first run notes a request, the same operator cannot confirm it, and nobody before it
    is due; another one can, and it can be taken back."""
    create(authrim, "alice")
    careful = CommandLine({**authrim.environment, "AUTHRIM_ERASURE_TWO_PERSONS": "true"})
    waiting = careful.json("account", "erase", "alice", "--reason", "by letter", "--yes")
    assert (waiting["status"], waiting["erasure"]["requested_by"]) == ("active", UID)
    assert "second person" in authrim.json("account", "erase", "alice", "--yes", status=1)["description"]
    careful.run("account", "erase", "alice", "--withdraw", "--reason", "mistake")
    assert "erasure" not in careful.json("account", "show", "alice")
    careful.run("account", "erase", "alice", "--yes")
    slow = CommandLine({**careful.environment, "AUTHRIM_ERASURE_DELAY_SECONDS": "3600"})
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    assert "delay is not over" in slow.json("account", "erase", "alice", "--yes", status=1)["description"]
    assert careful.json("account", "erase", "alice", "--yes")["status"] == "erased"


def test_nothing_else_erases() -> None:
    """A235: there is one function that decides an erasure, and it asks for holds first."""
    assert (
        erasing.erasure.decide_erase(Account("s", "active", holds={"h": None}), 3).answer
        == erasing.erasure.HELD
    )
    assert ErasureRequest().policy == erasing.AT_ONCE


def test_a_restored_backup_is_erased_again(authrim: CommandLine, database: Path, tmp_path: Path) -> None:
    """A231, A290: whom a certificate names is erased again in a restored backup, also where a request waits there; a
    changed certificate, another log's, and a person under a hold in the backup are left alone, and told."""
    subjects = {name: create(authrim, name) for name in ("alice", "bob")}
    careful = CommandLine({**authrim.environment, "AUTHRIM_ERASURE_TWO_PERSONS": "true"})
    careful.run("account", "erase", "alice", "--yes")
    authrim.run("account", "hold", "bob", "--reason", "case 7")
    authrim.run("audit", "checkpoint", "--sign")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(tmp_path / "old")) as copy:
        source.backup(copy)
    authrim.run("account", "erase", "alice", "--withdraw")
    authrim.run("account", "release", "bob", "--reason", "over")
    files = {name: str(tmp_path / f"{name}.json") for name in subjects}
    for name, file in files.items():
        authrim.run("account", "erase", name, "--yes", "--certificate", file)
    changed = tmp_path / "changed.json"
    changed.write_text(Path(files["bob"]).read_text().replace(subjects["bob"], "other"))
    restored = CommandLine({**authrim.environment, "AUTHRIM_DATABASE": str(tmp_path / "old")})
    again = ("privacy", "erase-again", "--yes", *files.values(), str(changed))
    told = [one["result"] for one in restored.json(*again, status=1)["certificates"]]
    assert told[:2] == ["erased again", "A legal hold forbids to erase this person."]
    assert "changed" in told[2]
    assert restored.json("account", "show", "bob")["status"] == "active"
    assert restored.json(*again[:4])["certificates"][0]["result"] == "is erased"
    assert restored.json("audit", "verify")["ok"] is True


def test_a_certificate_does_not_vouch_for_itself(
    authrim: CommandLine, database: Path, tmp_path: Path
) -> None:
    """A290: in a backup from before the log's first key nobody is erased because of the key that is in a certificate,
    and an empty key verifies nothing; the key that the administrator gives counts."""
    create(authrim, "alice")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(tmp_path / "old")) as copy:
        source.backup(copy)
    file = str(tmp_path / "alice.json")
    key = authrim.json("account", "erase", "alice", "--yes", "--certificate", file)["key"]
    restored = CommandLine({**authrim.environment, "AUTHRIM_DATABASE": str(tmp_path / "old")})
    again = ("privacy", "erase-again", "--yes", file)
    for refused in ((), ("--key", "")):
        (told,) = restored.json(*again, *refused, status=1)["certificates"]
        assert "key" in told["result"]
    assert restored.json("account", "show", "alice")["status"] == "active"
    assert authrim.json("privacy", "verify", file, "--key", "", status=1)["holds"] is False
    assert restored.json(*again, "--key", key)["certificates"][0]["result"] == "erased again"
