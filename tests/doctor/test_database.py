"""Mistakes with the database and with what is in it: the log, the keys, the work behind them."""

import time
from contextlib import closing
from pathlib import Path

import pytest
import time_machine
from pydantic import SecretStr

from authrim.server.wired_core import make_core
from authrim.settings import Settings
from authrim.store.outbox_contract import NewDelivery, Retried
from authrim.store.restored import Restored
from authrim.store.sqlite.lane import connect
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from projections.monitor.rules import Breach
from tests.doctor.examinations import findings, settings_at
from tests.support.ports import free_port

OTHER_KEY = SecretStr("A" * 43)


@pytest.fixture
def store_place(tmp_path: Path) -> Path:
    """An empty store; the engine does not matter here."""
    migrate_sqlite(tmp_path / "authrim.db")
    return tmp_path / "authrim.db"


async def test_a_restored_backup(used: Settings, store_place: Path) -> None:
    """F35: the mark of a restored database keeps servers from starting, and the doctor says what to do."""
    with closing(connect(store_place)) as connection:
        document = Restored("b1", 1, "2026-11-29T00:00:00Z").document()
        connection.execute("INSERT INTO restored (key, document) VALUES ('log', ?)", (document,))
    found = await findings(used, "database", "log")
    assert list(found) == ["log.restored"]
    assert "--keep-grants" in found["log.restored"].fix


async def test_a_database_without_a_schema(tmp_path: Path) -> None:
    """Nothing is made of a file that is not there, and the command that makes it is named."""
    found = await findings(settings_at(tmp_path / "none.db"), "database", "log", "master_key")
    assert list(found) == ["database.other_schema"]
    assert "authrim migrate" in found["database.other_schema"].fix
    assert not (tmp_path / "none.db").exists()


async def test_settings_that_no_server_starts_with(store_place: Path) -> None:
    """The check of the settings names the mistake, once; what needs them is passed over."""
    settings = settings_at(store_place, features_on=("telepathy",))
    assert list(await findings(settings, "settings", "database", "keys")) == ["settings.unknown_feature"]


async def test_a_database_that_is_away() -> None:
    """What follows is passed over, and the cause is the one that every command tells."""
    dsn = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    found = await findings(settings_at(dsn), "database", "durability", "role", "keys")
    assert list(found) == ["database.unusable"]
    assert "nobody listens" in found["database.unusable"].detail


@pytest.fixture
async def used(store_place: Path) -> Settings:
    """The settings of a server that has run: there are keys, and a proof of the master key."""
    settings = settings_at(store_place, signing_algorithms=("ES256", "EdDSA"), encryption_algorithms=())
    store = SQLiteStore(store_place)
    await store.open()
    core = await make_core(settings, store)
    await core.egress.close()
    await store.close()
    return settings


async def test_a_server_that_has_run(used: Settings) -> None:
    """Nothing is found inside of it but that it has no RS256 key."""
    inside = ("disk", "database", "master_key", "keys", "log", "clock", "background", "monitor", "outbox")
    assert list(await findings(used, *inside)) == ["keys.no_rs256"]


async def test_a_new_database(store_place: Path) -> None:
    """An empty log, no keys and no proof of the master key are notes."""
    found = await findings(settings_at(store_place), "database", "master_key", "keys", "log")
    assert set(found) == {"master_key.unproved", "keys.none_yet", "log.empty"}
    assert {finding.problem.severity for finding in found.values()} == {"note"}


async def test_another_master_key(used: Settings) -> None:
    """The key that is missing is named by its id, and nothing is written."""
    other = used.model_copy(update={"master_keys": (OTHER_KEY,)})
    found = await findings(other, "database", "master_key")
    assert list(found) == ["master_key.wrong"]
    assert "give-up-master" in found["master_key.wrong"].detail
    assert "Put the key back" in found["master_key.wrong"].fix


async def test_master_keys_in_another_order(used: Settings) -> None:
    """The oldest key is not the last one any more."""
    swapped = used.model_copy(update={"master_keys": (*used.master_keys, OTHER_KEY)})
    assert "master_key.order" in await findings(swapped, "database", "master_key")


async def test_an_algorithm_without_a_key(used: Settings) -> None:
    """The command that makes the key is named."""
    wanted = used.model_copy(update={"signing_algorithms": ("ES256", "EdDSA", "PS256")})
    found = await findings(wanted, "database", "keys")
    assert found["keys.missing"].fix.endswith("authrim keys rotate --alg PS256")


async def test_old_keys(used: Settings) -> None:
    """A key that has signed for longer than a year."""
    with time_machine.travel(time.time() + 400 * 86_400, tick=True):
        found = await findings(used, "database", "keys")
    assert "keys.old" in found
    assert "authrim keys rotate --alg" in found["keys.old"].fix


def written(place: Path, *statements: str) -> None:
    """Write past the triggers that protect the log, as somebody does who owns the file."""
    connection = connect(place)
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (trigger,) in triggers:
        connection.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


async def test_a_key_that_cannot_be_opened(used: Settings, store_place: Path) -> None:
    """The private half of a key is gone."""
    written(store_place, "DELETE FROM sealed WHERE key LIKE '%:key:%private'")
    found = await findings(used, "database", "keys")
    assert "keys.unopened" in found, found


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET payload = CAST(replace(payload, 'ES256', 'RS256') AS BLOB) WHERE position = 1",
        "DELETE FROM events WHERE position = (SELECT max(position) FROM events)",
        "UPDATE head SET chain_hash = zeroblob(32)",
        "DELETE FROM ledger WHERE first_position = (SELECT max(first_position) FROM ledger)",
    ],
)
async def test_a_log_that_was_changed(used: Settings, store_place: Path, change: str) -> None:
    """A231: whatever was changed at its end is found, without reading all of it."""
    written(store_place, change)
    found = await findings(used, "database", "log")
    assert "log.broken" in found, found
    assert "authrim audit verify" in found["log.broken"].fix


async def test_a_log_that_was_longer(used: Settings, tmp_path: Path) -> None:
    """F35: the file outside the database has a checkpoint of more events."""
    outside = tmp_path / "outside"
    outside.mkdir()
    file = outside / "newest"
    root = "A" * 43 + "="
    file.write_text(f"login.example.com/transparency\n1000\n{root}\n\n\u2014 x AAAAAAAA\n")
    found = await findings(used.model_copy(update={"checkpoint_state_file": file}), "database", "log")
    assert list(found) == ["log.rolled_back"]
    assert "--accept-rollback" in found["log.rolled_back"].fix
    file.write_text("nothing")
    assert "log.state_file" in await findings(
        used.model_copy(update={"checkpoint_state_file": file}), "database", "log"
    )


async def test_a_memory_beside_the_database(used: Settings, store_place: Path) -> None:
    """F35: whoever restores the folder restores both."""
    beside = used.model_copy(update={"checkpoint_state_file": store_place.parent / "newest"})
    assert "log.state_beside" in await findings(beside, "database", "log")


async def test_background_work_that_nobody_does(used: Settings) -> None:
    """Events that no follower has come to for two minutes."""
    with time_machine.travel(time.time() + 120, tick=True):
        found = await findings(used, "database", "background")
    assert "authrim background" in found["background.behind"].fix


async def test_a_broken_rule(used: Settings, store_place: Path) -> None:
    """A breach that nobody has acknowledged."""
    store = SQLiteStore(store_place)
    await store.open()
    await store.monitor.add([Breach("one_redemption", "default:grant:g", (1, 2), "x")])
    await store.close()
    assert "--acknowledge" in (await findings(used, "database", "monitor"))["monitor.breach"].fix


async def test_messages_that_nobody_takes(used: Settings, store_place: Path) -> None:
    """Two receivers: one has not answered for hours, of the other all was given up."""
    store = SQLiteStore(store_place)
    await store.open()
    shop, forum = (NewDelivery("default", "webhook", name, "1", 1) for name in ("shop", "forum"))
    await store.outbox.add([shop, forum])
    await store.outbox.give_up(forum.receiver_key, [Retried(forum.key, 9, 0, "refused", dead=True)])
    await store.close()
    with time_machine.travel(time.time() + 7300, tick=True):
        found = await findings(used, "database", "outbox")
    assert found["outbox.old"].detail == "webhook shop: 2 h"
    assert found["outbox.dead"].detail == "webhook forum: 1"
    assert "authrim outbox retry" in found["outbox.dead"].fix


async def test_a_clock_that_went_back(used: Settings) -> None:
    """Decisions 7: the newest time in the log is ahead of this machine's clock."""
    with time_machine.travel(time.time() - 3600, tick=True):
        assert "clock.database" in await findings(used, "database", "clock")
