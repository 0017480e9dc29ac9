"""Mistakes that are found without a server: in the settings, their files, the database and the log."""

import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from authrim.crypto.signed_note import COSIGNATURE, NoteKey
from authrim.doctor.checks.database import file_system_of
from authrim.doctor.checks.disk import judged
from authrim.doctor.checks.files import READ, WRITTEN_IN, WRITTEN_TO
from authrim.doctor.checks.files import judged as judged_rights
from authrim.doctor.examined import Options
from authrim.doctor.finding import Finding
from authrim.server.wired_core import make_core
from authrim.settings import Settings
from authrim.store.outbox_contract import NewDelivery, Retried
from authrim.store.restored import Restored
from authrim.store.sqlite.lane import connect
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from projections.monitor.rules import Breach
from tests.doctor.examinations import findings, settings_at
from tests.support.certificates import Authority, self_signed
from tests.support.ports import free_port
from tests.support.running import MASTER_KEY

OTHER_KEY = SecretStr("A" * 43)


@pytest.fixture
def store_place(tmp_path: Path) -> Path:
    """An empty store; the engine does not matter here."""
    migrate_sqlite(tmp_path / "authrim.db")
    return tmp_path / "authrim.db"


def secret_file(folder: Path, mode: int) -> Path:
    """A file with a master key."""
    file = folder / "master.key"
    file.write_text(MASTER_KEY)
    file.chmod(mode)
    return file


def keyed(folder: Path, mode: int) -> dict[str, Any]:
    """The same as settings."""
    return {"master_keys": (SecretStr(MASTER_KEY),), "master_key_file": secret_file(folder, mode)}


def text_file(folder: Path) -> Path:
    """A file with something else in it."""
    file = folder / "something.else"
    file.write_text("hello")
    return file


def strange_key(folder: Path) -> dict[str, Any]:
    """A certificate, and the key of another one."""
    certificate, _ = Authority().server().write(folder, "one")
    _, key = self_signed().write(folder, "two")
    key.chmod(0o600)
    return {"tls_certificate": certificate, "tls_key": key}


#: A mistake in the settings, the check that looks, what it finds, and a word of the fix.
MISTAKES: dict[str, tuple[Callable[[Path], dict[str, Any]], str, str, str]] = {
    "a feature that is none": (
        lambda _: {"features_on": ("telepathy",)}, "settings", "settings.unknown_feature", "features_on",
    ),
    "plain HTTP for everybody": (lambda _: {"host": ("0.0.0.0",)}, "settings", "settings.plain_http", "host"),
    "a key that everybody reads": (lambda f: keyed(f, 0o644), "files", "files.open_to_all", "chmod 600"),
    "authorities that are none": (
        lambda f: {"tls_client_anchors": text_file(f)}, "files", "files.content", "Correct the file",
    ),
    "attesters that are none": (
        lambda f: {"client_attesters": text_file(f)}, "files", "files.content", "Correct the file",
    ),
    "a server that does not run": (lambda _: {"port": free_port()}, "listener", "listener.port", "journalctl"),
    "a socket where nobody is": (
        lambda f: {"listen_socket": f / "authrim.sock"}, "listener", "listener.socket", "user of the proxy",
    ),
    "metrics for everybody": (
        lambda _: {"metrics_listen": "0.0.0.0:9464"}, "settings", "settings.metrics_open", "Prometheus",
    ),
    "a collector that is away": (
        lambda _: {"trace_export": f"http://127.0.0.1:{free_port()}/v1/traces"},
        "outgoing", "outgoing.collector", "trace_export",
    ),
    "a file that is not there": (
        lambda f: {"tls_client_anchors": f / "none.pem"}, "files", "files.unreadable", "as that user",
    ),
    "the key of another certificate": (strange_key, "files", "files.tls_unusable", "tls_key"),
    "a folder that is not there": (
        lambda f: {"report_directory": f / "reports"}, "files", "files.cannot_write", "Make the folder",
    ),
    "a syslog receiver that is away": (
        lambda _: {"siem_syslog": f"127.0.0.1:{free_port()}"}, "outgoing", "outgoing.syslog", "siem_syslog",
    ),
    "a witness with a broken key": (
        lambda _: {"witnesses": ("w+1+x https://witness.example",)}, "outgoing", "outgoing.witness_key", "Copy",
    ),
    "a witness that is away": (
        lambda _: {
            "witnesses": (f"{WITNESS} https://127.0.0.1:{free_port()}",), "egress_allow": ("127.0.0.1",),
        },
        "outgoing", "outgoing.witness", "firewall",
    ),
    "a host without an address": (
        lambda _: {"issuer": "https://nobody.invalid"}, "dns", "dns.no_address", "AAAA",
    ),
    "a port where nobody listens": (
        lambda _: {"issuer": f"https://localhost:{free_port()}"}, "dns", "dns.silent", "firewall",
    ),
    "a host that is this machine": (
        lambda _: {"issuer": "https://localhost"}, "dns", "dns.loopback", "/etc/hosts",
    ),
    "an issuer without TLS": (
        lambda _: {"issuer": f"https://localhost:{free_port()}"}, "certificate", "certificate.no_tls", "TLS",
    ),
    "nobody at the issuer": (
        lambda _: {"issuer": f"https://localhost:{free_port()}"}, "discovery", "discovery.no_answer", "Start",
    ),
}  # fmt: skip
WITNESS = NoteKey(
    "witness.example", COSIGNATURE, Ed25519PrivateKey.generate().public_key().public_bytes_raw()
).encoded()


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_in_the_settings_is_found(store_place: Path, tmp_path: Path, mistake: str) -> None:
    """Each is found, and the finding says how it is mended."""
    make, check, wanted, word = MISTAKES[mistake]
    found = await findings(settings_at(store_place, **make(tmp_path)), check)
    assert wanted in found, found
    assert word in found[wanted].fix


async def test_an_address_that_dns_does_not_have(store_place: Path) -> None:
    """Before the records are changed, ``--address`` asks the new machine, and the doctor says that DNS has another."""
    settings = settings_at(store_place, issuer=f"https://localhost:{free_port()}")
    found = await findings(settings, "dns", options=Options(address="127.0.0.9"))
    assert "127.0.0.1" in found["dns.elsewhere"].detail
    assert found["dns.silent"].detail.startswith("127.0.0.9 port ")


@pytest.mark.parametrize(
    ("mode", "group", "is_secret", "expected"),
    [
        (0o600, 1, True, ""), (0o640, 54321, True, "files.open_to_group"), (0o640, 54321, False, ""),
        (0o644, 1, True, "files.open_to_all"), (0o644, 1, False, ""), (0o622, 1, False, "files.open_to_all"),
    ],
)  # fmt: skip
def test_rights_of_files(mode: int, group: int, is_secret: bool, expected: str) -> None:
    """What everybody may read is no secret, and what everybody may write is trusted by nobody."""
    seen = os.stat_result((mode, 0, 0, 1, 0, group, 0, 0, 0, 0))
    found = list(judged_rights("master_key_file", Path("/k"), seen, is_secret=is_secret))
    assert [one.problem.id for one in found] == ([expected] if expected else [])


def test_every_file_of_the_settings_is_looked_at() -> None:
    """A new setting that names a file is in one of the lists of the check."""
    named = {
        name
        for name, field in Settings.model_fields.items()
        if "Path" in str(field.annotation) + str(field.metadata)
    }
    assert named == READ | WRITTEN_IN | WRITTEN_TO


async def test_a_certificate_that_is_not_obtained_yet(store_place: Path, tmp_path: Path) -> None:
    """By ACME the server makes the files itself; the doctor does not miss them before."""
    tls = {"tls_certificate": tmp_path / "tls.pem", "tls_key": tmp_path / "tls.key"}
    assert "files.unreadable" in await findings(settings_at(store_place, **tls), "files")
    by_acme = tls | {"acme_directory": "https://acme.example/directory"}
    assert set(await findings(settings_at(store_place, **by_acme), "files")) <= {"files.as_root"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('database = "postgresql://a:secret@db/x"', True), ('database = "postgresql://a@db/x"', False),
        ('master_keys = ["k"]', True), ('issuer = "https://x@example"', False),
    ],
)  # fmt: skip
async def test_secrets_in_the_file_of_the_settings(
    store_place: Path, tmp_path: Path, line: str, found: bool
) -> None:
    """Such a file is a secret itself."""
    config = tmp_path / "authrim.toml"
    config.write_text(line)
    config.chmod(0o644)
    options = Options(config=config)
    assert (
        "files.open_to_all" in await findings(settings_at(store_place), "files", options=options)
    ) == found


async def test_a_restored_backup(used: Settings, store_place: Path) -> None:
    """F35: the mark of a restored database keeps servers from starting, and the doctor says what to do."""
    with closing(connect(store_place)) as connection:
        document = Restored("b1", 1, "2026-11-29T00:00:00Z").document()
        connection.execute("INSERT INTO restored (key, document) VALUES ('log', ?)", (document,))
    found = await findings(used, "database", "log")
    assert list(found) == ["log.restored"]
    assert "--keep-grants" in found["log.restored"].fix


async def test_secrets_are_not_told(store_place: Path, tmp_path: Path) -> None:
    """No finding quotes a secret of the settings."""
    secret = {"client_cert_secret": SecretStr("s" * 32), "listen_socket": tmp_path / "s"}
    settings = settings_at(store_place, **keyed(tmp_path, 0o644), **secret)
    found = await findings(settings, "settings", "files", "disk", "database")
    assert MASTER_KEY not in str(found)
    assert "s" * 32 not in str(found)


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


def test_file_systems_of_other_machines() -> None:
    """The file system of a path is that of the closest mount."""
    mounts = "/dev/sda1 / ext4 rw 0 0\nnas:/export /srv/my\\040data nfs4 rw 0 0\n"
    assert file_system_of(Path("/srv/my data/authrim.db"), mounts) == "nfs4"
    assert file_system_of(Path("/srv/other/authrim.db"), mounts) == "ext4"


@pytest.mark.parametrize(
    ("free", "files_left", "expected"),
    [(50, 900, "disk.full"), (500, 900, "disk.low"), (5000, 1, "disk.full"), (5000, 900, "")],
)
def test_room_on_a_disk(free: int, files_left: int, expected: str) -> None:
    """What is left decides, in bytes and in inodes; a file system without blocks, as of the kernel, is none."""
    mib = 1024 * 1024
    seen = os.statvfs_result((mib, mib, 10_000, free, free, 1000, files_left, files_left, 0, 255))
    found: list[Finding] = list(judged("database", Path("/x"), seen))
    assert [one.problem.id for one in found] == ([expected] if expected else [])
    kernel = os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255))
    assert list(judged("database", Path("/proc"), kernel)) == []
