"""A server and a restored database: what notices it, and what an operator can answer."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from authrim.server.rollback import StartRefused, refuse_rollback
from authrim.settings import Settings
from authrim.store.read_back import ReadBack
from authrim.store.restored import Restored
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from authrim.transparency.background import checkpoints_of
from tests.backup.installation import REASON, commands, payloads
from tests.store.log_samples import behind_its_back, write_grant
from tests.support.browser import Browser
from tests.support.running import development_settings, running_server
from tests.support.tokens import OFFLINE

PORT = 8080


@asynccontextmanager
async def opened(database: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(database)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    """A backup of an installation with a person who signed in, and of whose log the state file knows more."""
    database = tmp_path / "live.db"
    migrate_sqlite(database)
    async with (
        opened(database) as store,
        running_server(store, checkpoint_state_file=tmp_path / "state") as server,
    ):
        await Browser(server).code_flow(await server.client("web"), **OFFLINE)
        await asyncio.to_thread(commands(database).json, "backup", str(tmp_path / "backup"))
        await write_grant(store, "after-the-backup")
        await checkpoints_of(server.core).sign()
    return tmp_path / "backup"


def settings_of(database: Path, **more: Path) -> Settings:
    return development_settings(PORT, database=str(database), **more)


def live(database: Path) -> list[tuple[object, ...]]:
    return behind_its_back(
        database,
        "SELECT 1 FROM sessions WHERE status = 'active' UNION ALL SELECT 2 FROM tokens WHERE revoked_at IS NULL",
    )


async def test_no_server_starts_on_a_restored_backup(backup: Path, tmp_path: Path) -> None:
    """F35: on a restored database no server starts, although no state file and no witness is there, until an operator
    gives a reason. Then every session and every token ends, it is recorded once, and nobody is asked again."""
    database = tmp_path / "restored.db"
    await asyncio.to_thread(commands(database).json, "restore", str(backup))
    settings = settings_of(database)
    async with opened(database) as store:
        with pytest.raises(StartRefused, match=r"restored from a backup.*--accept-rollback.*--keep-grants"):
            await refuse_rollback(settings, store, None)
        assert live(database)
        await refuse_rollback(settings, store, REASON)
        assert not live(database)
        await refuse_rollback(settings, store, None)
    ((_, event),) = payloads(database, "log.rollback_accepted.v1")
    assert (event["known_by"], event["reason"], "kept" in event) == ("restored_backup", REASON, False)


async def test_a_copy_that_is_put_into_place_by_hand(backup: Path, tmp_path: Path) -> None:
    """F35: the file of a backup that is copied to its place, past `authrim restore`, is noticed too."""
    database = tmp_path / "by-hand.db"
    shutil.copy(backup / "database.sqlite", database)
    async with opened(database) as store:
        assert not store.doubt
        with pytest.raises(StartRefused, match="restored from a backup"):
            await refuse_rollback(settings_of(database), store, None)


async def test_what_is_known_to_be_lost_is_not_kept(backup: Path, tmp_path: Path) -> None:
    """F35: nobody keeps grants where the state file knows of events that the restored log lacks: what was revoked in
    them is not known. Nothing is accepted then; without keeping them, both are accepted by one reason."""
    database = tmp_path / "restored.db"
    await asyncio.to_thread(commands(database).json, "restore", str(backup))
    settings = settings_of(database, checkpoint_state_file=tmp_path / "state")
    async with opened(database) as store:
        with pytest.raises(StartRefused, match="state_file has a checkpoint"):
            await refuse_rollback(settings, store, None)
        with pytest.raises(StartRefused, match=r"--keep-grants: state_file knows of .* something is lost"):
            await refuse_rollback(settings, store, REASON, keep=True)
        assert live(database)
        await refuse_rollback(settings, store, REASON)
        await refuse_rollback(settings, store, None)
    accepted = payloads(database, "log.rollback_accepted.v1")
    assert [event["known_by"] for _, event in accepted] == ["state_file", "restored_backup"]


async def test_a_mark_that_knew_more(store: ReadBack, store_place: Path | str) -> None:
    """F35: a database whose mark remembers that the log was longer is marked again, and still remembers it: nobody can
    keep grants on it."""
    await store.restored.mark(Restored(position=3, longer=9))
    await asyncio.to_thread(commands(store_place).json, "restore", "--in-place")
    settings = development_settings(PORT, database=str(store_place))
    with pytest.raises(StartRefused, match=r"--keep-grants: .* knows of 9 events"):
        await refuse_rollback(settings, store, REASON, keep=True)


def test_grants_are_kept_of_an_accepted_log_only() -> None:
    """--keep-grants alone is a mistake, and is told as one."""
    assert "--accept-rollback" in commands("unused.db").run("serve", "--keep-grants", status=2).output


async def test_what_other_tools_restored(store: ReadBack, store_place: Path | str, tmp_path: Path) -> None:
    """F35: a database that other tools restored is marked in place, and proved to have all of an older backup; one that
    ends before that backup is refused as such."""
    async with running_server(store) as server:
        await Browser(server).code_flow(await server.client("web"), **OFFLINE)
    command = partial(asyncio.to_thread, commands(store_place).json)
    await command("backup", str(tmp_path / "older"))
    await write_grant(store, "after-the-backup")
    assert (await command("restore", "--in-place"))["backup"] == ""
    told = await command("restore", str(tmp_path / "older"), "--in-place", "--verify")
    assert told["verified"]["ok"], told
    settings = development_settings(PORT, database=str(store_place))
    with pytest.raises(StartRefused, match="restored from a backup"):
        await refuse_rollback(settings, store, None)
    await refuse_rollback(settings, store, REASON, keep=True)
    await refuse_rollback(settings, store, None)


async def test_verify_finds_what_is_not_as_it_was(
    store: ReadBack, store_place: Path | str, tmp_path: Path
) -> None:
    """F34: a row of a table that is not what the log says, and a log that is shorter than the backup, are named, with
    status 1."""
    async with running_server(store) as server:
        await Browser(server).code_flow(await server.client("web"), **OFFLINE)
    command = partial(asyncio.to_thread, commands(store_place).json)
    await command("backup", str(tmp_path / "backup"))
    behind_its_back(store_place, "UPDATE tokens SET revoked_at = 5")
    told = await command("restore", str(tmp_path / "backup"), "--in-place", "--verify", status=1)
    assert told["faults"] == ["the table tokens: a row is not what the log says"]
