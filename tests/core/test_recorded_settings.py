"""Settings that matter for security are recorded when a process starts with others than before."""

import asyncio
import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from authrim.core.master_proof import master_keys_of
from authrim.core.recorded_settings import NOT_RECORDED, record_settings, settings_for_the_log
from authrim.crypto.master import MasterKeys
from authrim.settings import Settings
from authrim.store.contract import Append, NewEvent, Store, StoredEvent, StreamAppend
from domain.setting.settings import digest_of
from domain.stream import DEFAULT_TENANT
from tests.support.processes import answers, children, listeners, started, terminated, wait_until
from tests.support.running import MASTER_KEY, free_port

PROXY_SECRET = "proxy-secret-" + "x" * 32
PASSWORD = "database-password"


def settings_with(**values: Any) -> Settings:
    return Settings(
        issuer="https://login.example.com",
        master_keys=values.pop("master_keys", (SecretStr(MASTER_KEY),)),
        **values,
    )


def keys_of(settings: Settings) -> MasterKeys:
    return master_keys_of(settings)


async def start(store: Store, **values: Any) -> None:
    settings = settings_with(**values)
    await record_settings(store, settings, keys_of(settings), DEFAULT_TENANT)


async def events(store: Store) -> list[StoredEvent]:
    return [event for event in await store.read_log(0, 1000) if event.type == "setting.changed.v1"]


async def changed(store: Store) -> list[dict[str, Any]]:
    return [json.loads(event.payload)["changed"] for event in await events(store)]


async def test_a_change_is_recorded_once(store: Store) -> None:
    """A265: the first start records all, a restart nothing, a start with another value that value; ten processes that
    start at once record it once. The actor is the server, with the user id that it runs as."""
    await start(store)
    await start(store)
    await start(store, registration="open")
    await asyncio.gather(*(start(store, registration="off", code_lifetime=30) for _ in range(10)))
    first, *later = await changed(store)
    assert first["registration"] == "initial_access_token"
    assert later == [{"registration": "open"}, {"registration": "off", "code_lifetime": 30}]
    everything = settings_for_the_log(
        settings_with(registration="off", code_lifetime=30), keys_of(settings_with())
    )
    assert json.loads((await events(store))[-1].payload)["digest"] == digest_of(everything)
    metadata = json.loads((await events(store))[-1].metadata)
    assert (metadata["actor"], metadata["authority"]) == ("system", "server_start")
    assert metadata["operator"].startswith("uid ")


async def test_a_newer_version_is_taken_back(store: Store) -> None:
    """F19: an event of the settings that this version cannot read keeps it from nothing: it compares with what it can
    read, and records what differs."""
    await start(store)
    unknown = NewEvent("setting.from_the_future.v1", b'{"type":"setting.from_the_future.v1"}')
    await store.append(Append((StreamAppend("default:setting:server", 1, (unknown,)),), b"{}"))
    await start(store)
    await start(store, registration="open")
    assert (await changed(store))[1:] == [{"registration": "open"}]


def test_each_setting_is_recorded_or_named() -> None:
    """A265: what is not recorded is named one by one. A new setting is recorded, unless somebody decides otherwise."""
    recorded = set(settings_for_the_log(settings_with(), keys_of(settings_with())))
    assert recorded | NOT_RECORDED == set(Settings.model_fields)
    assert not recorded & NOT_RECORDED


async def test_no_secret_is_recorded(store: Store) -> None:
    """A266: of a secret the log has a keyed hash, of a master key its id, and nothing of the database's address. The
    hash says that a secret is another one, and stays when a master key is added."""
    secret: dict[str, Any] = {
        "client_cert_secret": SecretStr(PROXY_SECRET), "client_cert_proxies": ("192.0.2.0/24",),
        "database": SecretStr(f"postgresql://app:{PASSWORD}@db.example/log"),
    }  # fmt: skip
    newer = SecretStr(secrets.token_urlsafe(32))
    await start(store, **secret)
    await start(store, **secret, master_keys=(newer, SecretStr(MASTER_KEY)))
    await start(
        store,
        **secret | {"client_cert_secret": SecretStr(PROXY_SECRET + "2")},
        master_keys=(newer, SecretStr(MASTER_KEY)),
    )
    first, second, third = await changed(store)
    assert first["client_cert_secret"].startswith("hmac:")
    assert set(second) == {"master_keys"}
    assert set(third) == {"client_cert_secret"}
    plain = hashlib.sha256(PROXY_SECRET.encode()).hexdigest()
    for event in await events(store):
        for word in (PROXY_SECRET, PASSWORD, MASTER_KEY, newer.get_secret_value(), plain, "db.example"):
            assert word.encode() not in event.payload + event.metadata


async def test_a_file_counts_by_its_content(store: Store, tmp_path: Path) -> None:
    """A265: the file of whom the server trusts is recorded as the digest that ``sha256sum`` prints: another place is no
    change, another content is one."""
    here, there = tmp_path / "a.json", tmp_path / "b.json"
    here.write_text('{"https://federation.example": {"keys": []}}')
    there.write_bytes(here.read_bytes())
    await start(store, software_statement_issuers=here)
    await start(store, software_statement_issuers=there)
    there.write_text("{}")
    await start(store, software_statement_issuers=there)
    first, second = await changed(store)
    digest = hashlib.sha256(here.read_bytes()).hexdigest()
    assert first["software_statement_issuers"] == f"sha256:{digest}"
    assert second == {"software_statement_issuers": f"sha256:{hashlib.sha256(b'{}').hexdigest()}"}
    assert str(tmp_path) not in json.dumps([first, second])


@pytest.mark.parametrize("store_place", ["postgres"], indirect=True)
async def test_workers_record_it_once(store: Store, store_place: str, tmp_path: Path) -> None:
    """A265: a server of four processes that is started twice, the second time with another setting, leaves two
    events."""
    key = secrets.token_urlsafe(32)
    for lifetime in (600, 300):
        port = free_port()
        environment = {
            "AUTHRIM_ISSUER": "https://login.example.com", "AUTHRIM_DATABASE": store_place,
            "AUTHRIM_MASTER_KEYS": key, "AUTHRIM_PORT": str(port), "AUTHRIM_ACCESS_TOKEN_LIFETIME": str(lifetime),
            "AUTHRIM_BACKGROUND": "inside",
        }  # fmt: skip
        with started("serve", "--workers", "4", environment=environment) as process:
            await asyncio.to_thread(_ready, process, port)
            assert (await asyncio.to_thread(terminated, process))[0] == 0
    first, second = await changed(store)
    assert first["access_token_lifetime"] == 600
    assert second == {"access_token_lifetime": 300}


def _ready(process: Any, port: int) -> None:
    wait_until(lambda: len(listeners(port, children(process.pid))) == 4)
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/ready"))
