"""``authrim dev`` believes its settings, and makes the clients that its command line asks for."""

import asyncio
import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
import requests
from aiohttp import web

from domain.client.metadata import ClientMetadata
from tests.support.browser import Browser
from tests.support.command_line import CommandLine
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import development_server, ended
from tests.support.ready_authrim import started
from tests.support.running import KnownClient, RunningServer

CALLBACK = "http://localhost:9999/callback"


def metadata_of(announced: dict[str, Any]) -> dict[str, Any]:
    answer = requests.get(announced["issuer"] + "/.well-known/openid-configuration", timeout=PATIENCE)
    described: dict[str, Any] = answer.json()
    return described


def test_config_and_environment_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the two sets what it names, the environment wins, and the file for other commands has it too."""
    port, data, config = free_port(), tmp_path / "data", tmp_path / "mine.toml"
    config.write_text(
        f'port = {port}\nfeatures_off = ["dpop"]\nregistration = "off"\naccess_token_lifetime = 77\n'
    )
    monkeypatch.setenv("AUTHRIM_REGISTRATION", "initial_access_token")
    arguments = ("--config", str(config), "dev", "--data", str(data), "--json")
    with started(*arguments) as process:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        assert announced["issuer"] == f"http://localhost:{port}"
        assert "dpop_signing_alg_values_supported" not in metadata_of(announced)
        assert requests.post(announced["issuer"] + "/register", json={}, timeout=PATIENCE).status_code == 401
        service = announced["clients"]["service"]
        tokens = requests.post(
            announced["issuer"] + "/token",
            data={"grant_type": "client_credentials"},
            auth=(service["client_id"], service["client_secret"]),
            timeout=PATIENCE,
        )
        assert tokens.json()["expires_in"] == 77
    written = (data / "authrim.toml").read_text()
    assert 'registration = "initial_access_token"' in written
    assert "access_token_lifetime = 77" in written
    CommandLine({}).json("--config", str(data / "authrim.toml"), "client", "list")


def test_its_own_file_is_a_config_for_it(tmp_path: Path) -> None:
    """The file that dev writes can be given to dev: it names the same database and key."""
    port, data = free_port(), tmp_path / "data"
    with development_server(data, port) as (_, first):
        pass
    with started("--config", str(data / "authrim.toml"), "dev", "--data", str(data), "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == first


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("AUTHRIM_DATABASE", "postgresql://db.example/authrim", "database"),
        ("AUTHRIM_DATABASE", "other.db", "database"),
        ("AUTHRIM_MASTER_KEYS", "K" * 43, "master_keys"),
        ("AUTHRIM_ISSUER", "https://login.example.com", "development"),
        ("AUTHRIM_HOST", "0.0.0.0", "development"),
        ("AUTHRIM_DEVELOPMENT", "false", ""),
        ("AUTHRIM_ACCESS_TOKEN_LIFETIME", "soon", "access_token_lifetime"),
        ("AUTHRIM_FEATURE_ON", "x", "did you mean"),
    ],
)
def test_what_dev_cannot_believe_it_refuses(tmp_path: Path, variable: str, value: str, named: str) -> None:
    """A setting is taken or refused with status 2, never passed over: the example account reaches no real log."""
    arguments = ("dev", "--data", str(tmp_path / "data"), "--port", str(free_port()))
    with started(*arguments, environment={variable: value}) as process:
        status, stdout, stderr = ended(process)
    assert (status, stdout) == (2, "")
    assert named in stderr
    assert value not in stderr or value == "false"


def test_the_printed_secrets_are_in_a_file_too(tmp_path: Path) -> None:
    """What scrolled away is in clients.json, which only its owner can read."""
    data = tmp_path / "data"
    with development_server(data, free_port()) as (_, announced):
        file = data / "clients.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text()) == announced


def test_own_clients_and_redirect_uris(tmp_path: Path) -> None:
    """An application is connected by one option, and a later start without it forgets nothing."""
    port, data = free_port(), tmp_path / "data"
    wanted = (
        "--client", f"shop={CALLBACK}", "--client", f"shop={CALLBACK}2", "--redirect-uri", CALLBACK,
        "--redirect-uri", "spa=http://localhost:4200/?page=a",
    )  # fmt: skip
    with development_server(data, port, *wanted) as (_, announced):
        clients = announced["clients"]
        assert clients["shop"]["client_id"] == "shop"
        assert clients["shop"]["redirect_uris"] == [CALLBACK, CALLBACK + "2"]
        assert CALLBACK in clients["web"]["redirect_uris"]
        assert "http://localhost:4200/?page=a" in clients["spa"]["redirect_uris"]
        for name, uri in (("shop", CALLBACK), ("web", CALLBACK), ("spa", "http://localhost:4200/?page=a")):
            query = {
                "client_id": clients[name]["client_id"], "redirect_uri": uri, "response_type": "code",
                "scope": "openid", "code_challenge": "E" * 43, "code_challenge_method": "S256",
            }  # fmt: skip
            shown = requests.get(announced["issuer"] + "/authorize", params=query, timeout=PATIENCE)
            assert shown.status_code == 200
            assert "/login/" in shown.url
    with development_server(data, port) as (_, again):
        assert again == announced


def test_redirect_uris_are_added_to_what_a_client_has(tmp_path: Path) -> None:
    """An address that was registered by ``client update`` stays when a later start adds another one."""
    port, data = free_port(), tmp_path / "data"
    with development_server(data, port) as (_, announced):
        client_id = announced["clients"]["web"]["client_id"]
    own = "http://localhost:7777/mine"
    authrim = CommandLine({})
    config = ("--config", str(data / "authrim.toml"))
    authrim.run(*config, "client", "update", client_id, "--redirect-uri", own)
    with development_server(data, port, "--redirect-uri", CALLBACK) as (_, announced):
        assert announced["clients"]["web"]["redirect_uris"] == [own, CALLBACK]
    assert authrim.json(*config, "client", "show", client_id)["redirect_uris"] == [own, CALLBACK]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--client", "shop"),
        ("--client", f"web={CALLBACK}"),
        ("--client", "shop=http://shop.example/#here"),
        ("--redirect-uri", "nobody=http://localhost/cb"),
        ("--redirect-uri", "com.example.app"),
    ],
)
def test_a_client_that_cannot_be_is_named(tmp_path: Path, wrong: tuple[str, str]) -> None:
    """The command ends with what is wrong, without a traceback."""
    arguments = ("dev", "--data", str(tmp_path / "data"), "--port", str(free_port()), *wrong)
    with started(*arguments) as process:
        status, _, stderr = ended(process)
    assert status in (1, 2)
    assert "Traceback" not in stderr
    assert "unexpected error" not in stderr
    assert wrong[1].partition("=")[0] in stderr or "redirect_uris" in stderr


async def test_a_receiver_on_this_machine_hears_of_a_logout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OIDC Back-Channel Logout 1.0 §2.5: an application beside the development server gets its logout token."""
    monkeypatch.setenv("AUTHRIM_CONSENT_PAUSE", "0")
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        heard.put_nowait(str((await request.post())["logout_token"]))
        return web.Response()

    application = web.Application()
    application.router.add_post("/logout", receive)
    runner = web.AppRunner(application)
    await runner.setup()
    receiver = free_port()
    await web.TCPSite(runner, "localhost", receiver).start()
    data = tmp_path / "data"
    try:
        with development_server(data, free_port()) as (_, announced):
            config, known = str(data / "authrim.toml"), announced["clients"]["web"]
            option = ("--backchannel-logout-uri", f"http://localhost:{receiver}/logout")
            command_line = CommandLine({})
            await asyncio.to_thread(
                command_line.json, "--config", config, "client", "update", known["client_id"], *option
            )
            await _signed_in(announced)
            listed = await asyncio.to_thread(
                command_line.json, "--config", config, "session", "list", "alice"
            )
            session_id = listed["sessions"][0]["session_id"]
            await asyncio.to_thread(command_line.json, "--config", config, "session", "end", session_id)
            assert len((await asyncio.wait_for(heard.get(), PATIENCE)).split(".")) == 3
    finally:
        await runner.cleanup()


async def _signed_in(announced: dict[str, Any]) -> None:
    """Sign in at the client ``web``, through the pages."""
    issuer, known = announced["issuer"], announced["clients"]["web"]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        server = SimpleNamespace(
            issuer=issuer, http=http, url=lambda path: issuer + path, **announced["account"],
            post=lambda *_: None,
        )  # fmt: skip
        browser = Browser(cast("RunningServer", server))
        client = KnownClient(
            known["client_id"],
            known["client_secret"],
            ClientMetadata(redirect_uris=(known["redirect_uris"][0],)),
        )
        shown, verifier = await browser.authorize(client)
        code = (await browser.through_pages(shown)).parameters["code"]
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
        }  # fmt: skip
        async with http.post(issuer + "/token", data=form, headers=client.basic) as answer:
            assert answer.status == 200
