"""``authrim audit changes`` as it is used, on each store: from what to what, by whom, how that was allowed."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from authrim.commands.root import main
from authrim.core.recorded_settings import record_settings
from authrim.crypto.ids import digest
from authrim.store.codec import REGISTRIES
from authrim.store.contract import Append, NewEvent, Store, StreamAppend
from domain.changed_fields import CHANGEABLE
from domain.stream import DEFAULT_TENANT, client_stream
from tests.support.browser import Browser
from tests.support.registration import MINIMAL, initial_token, manage, register
from tests.support.running import RunningServer, running_server
from tests.support.signing_up import sign_up, sign_up_page

pytestmark = pytest.mark.usefixtures("settings")

OPERATOR = f"uid {os.getuid()}"


async def run(*arguments: str, status: int = 0) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, main, list(arguments))
    assert result.exit_code == status, (result.output, result.exception)
    return result


async def changed(*arguments: str, status: int = 0) -> list[dict[str, Any]]:
    """The JSON lines of ``authrim audit changes``."""
    printed = await run("audit", "changes", *arguments, "--json", status=status)
    return [json.loads(line) for line in printed.stdout.splitlines()]


def values(change: dict[str, Any]) -> dict[str, tuple[Any, Any] | str]:
    """The fields of a change: old and new value, or what happened to what is hidden."""
    return {one["field"]: one["hidden"] or (one["old"], one["new"]) for one in change["fields"]}


async def test_commands_tell_old_and_new_values(store: Store) -> None:
    """A264: each command that changes something is told with its fields, the user id that it ran with, and its
    reason; nothing that it was given as a secret is told (A266)."""
    created = await run(
        "--json", "client", "create", "--client-id", "shop", "--redirect-uri", "https://rp.example/cb"
    )
    await run("client", "update", "shop", "--redirect-uri", "https://rp.example/new", "--name", "Shop")
    rotated = await run("--json", "client", "rotate-secret", "shop", "--overlap", "60")
    await run("client", "disable", "shop", "--reason", "ticket 4711")
    await run("client", "enable", "shop")
    await run("client", "delete", "shop", "--yes")
    made, secret, updated, again, disabled, enabled, deleted = await changed("client", "shop")
    assert values(made)["status"] == (None, "active")
    assert values(made)["redirect_uris"] == (None, ["https://rp.example/cb"])
    assert "profile" not in values(made)
    assert values(secret)["client_secret"] == "set"
    assert values(updated) == {
        "redirect_uris": (["https://rp.example/cb"], ["https://rp.example/new"]), "client_name": ("", "Shop"),
    }  # fmt: skip
    assert set(values(again)) == {"client_secret", "previous_secret_until"}
    assert values(again)["client_secret"] == "changed"
    assert values(disabled) == {"status": ("active", "disabled")}
    assert disabled["reason"] == "ticket 4711"
    assert values(enabled) == {"status": ("disabled", "active")}
    assert values(deleted)["status"] == ("active", "deleted")
    assert values(deleted)["client_secret"] == "removed"
    for one in (made, updated, deleted):
        assert one["by"] == f"administrator ({OPERATOR}) on the command line"
        assert one["authority"] == {"name": "command_line", "credential": "", "recorded": True}
        assert (one["kind"], one["id"]) == ("client", "shop")
    everything = (await run("audit", "changes", "client", "shop")).output + json.dumps(await changed())
    for printed in (created, rotated):
        value = json.loads(printed.stdout)["client_secret"]
        assert value not in everything
        assert digest(value) not in everything


async def test_every_kind_is_told(store: Store) -> None:
    """A264: accounts, keys, resource servers, scope texts, claim definitions and initial access tokens; personal data
    and secrets are only said to have changed (A266)."""
    token = await run("--json", "registration", "token", "create", "--uses", "2", "--scope", "openid")
    token_id = json.loads(token.stdout)["id"]
    await run("registration", "token", "revoke", token_id)
    await run("scope", "describe", "orders", "Bestellungen", "--locale", "de")
    await run("scope", "describe", "orders", "Deine Bestellungen", "--locale", "de")
    await run("scope", "describe", "invoices", "Rechnungen", "--locale", "de")
    await run("claim", "define", "department", "--type", "string", "--scope", "hr")
    await run("claim", "retire", "department")
    await run("resource", "create", "https://api.example/", "--lifetime", "60")
    await run("resource", "update", "https://api.example/", "--lifetime", "90")
    issued, revoked = await changed("registration", token_id)
    assert values(issued)["initial_access_token"] == "set"
    assert values(issued)["uses"] == (None, 2)
    assert set(values(revoked)) == {"revoked_at"}
    first, second = await changed("scope", "orders")
    assert values(first) == {"de.title": (None, "Bestellungen")}
    assert values(second) == {"de.title": ("Bestellungen", "Deine Bestellungen")}
    defined, retired = await changed("claim", "department")
    assert values(defined)["scopes"] == (None, ["hr"])
    assert values(retired) == {"in_use": (True, False)}
    _, lifetime = await changed("resource", "https://api.example/")
    assert values(lifetime) == {"access_token_lifetime": (60, 90)}
    assert [one["id"] for one in await changed("scope")] == ["orders", "orders", "invoices"]
    of_field = await changed("--field", "access_token_lifetime")
    assert [one["id"] for one in of_field] == ["https://api.example/", "https://api.example/"]


async def test_changes_of_a_person(server: RunningServer, browser: Browser, store: Store) -> None:
    """A264, A266: an account's changes say that a password or a claim is another one, never what it is. The question is
    recorded, and a login needs a reason (A247)."""
    for name in ("Alice Example", "Alice Changed"):
        await run("account", "set-claim", server.login, "name", name)
    web = await server.client("web")
    shown, _ = await browser.authorize(web, scope="openid email", prompt="consent")
    await browser.through_pages(shown)
    told = await changed("account", server.subject)
    assert [values(one).get("password") for one in told][:2] == [None, "set"]
    assert values(told[-2])["values_of_claims"] == "changed"
    consent = told[-1]
    assert values(consent)[f"consent.{web.client_id}"] == (None, ["openid", "email"])
    assert consent["authority"]["name"] == "consent_page"
    assert consent["metadata"]["address"]
    assert "Alice" not in json.dumps(told)
    assert consent["position"] not in [one["position"] for one in await changed()]
    assert (
        "Say why with --reason" in (await run("audit", "changes", "account", server.login, status=1)).stderr
    )
    await run("audit", "changes", "account", server.login, "--reason", "ticket 4711")
    asked = [
        json.loads(one.payload)
        for one in await store.read_log(0, 1000)
        if one.type == "audit.question_asked.v1"
    ]
    assert asked[-1]["question"] == "changes"
    assert (asked[-1]["subject"], asked[-1]["reason"]) == (server.subject, "ticket 4711")
    assert asked[0] | {"exported": True, "subject": server.subject} == asked[0]


async def test_clients_that_change_themselves(server: RunningServer) -> None:
    """A264: a client that registers itself is told with the initial access token that let it in, and each of its own
    updates with the registration access token, by the digest with which the log has that token."""
    token = await initial_token(server)
    client = (await register(server, MINIMAL | {"client_name": "Shop"}, token)).body
    again = {
        "client_id": client["client_id"],
        "redirect_uris": ["https://rp.example/cb"],
        "client_name": "Store",
    }
    next_token = (await manage(server, client, "PUT", again)).body["registration_access_token"]
    records = await changed("client", client["client_id"])
    registered, updated = records[0], next(one for one in records if one["type"] == "client.updated.v1")
    assert registered["authority"] == {
        "name": "initial_access_token", "credential": token.split(".")[1], "recorded": True,
    }  # fmt: skip
    assert values(registered)["source"] == (None, "registration")
    assert values(updated) == {"client_name": ("Shop", "Store")}
    assert updated["authority"]["name"] == "registration_access_token"
    assert updated["authority"]["credential"] == digest(client["registration_access_token"])
    assert updated["metadata"]["address"] == registered["metadata"]["address"] != ""
    for secret in (token, client["registration_access_token"], next_token, client["client_secret"]):
        assert secret not in json.dumps(records)


async def test_open_registration_and_own_accounts(store: Store) -> None:
    """A264: a client of open registration and an account that a person created are told as such."""
    async with running_server(store, registration="open", self_registration=True) as server:
        client = (await register(server)).body
        browser = Browser(server)
        await sign_up(browser, await sign_up_page(browser))
        (opened, *_) = await changed("client", client["client_id"])
        assert opened["by"] == f"client {client['client_id']} by registration that is open to all"
        created = [one for one in await changed("account") if one["type"] == "account.created.v1"][-1]
        assert created["authority"]["name"] == "self_registration"
        assert created["metadata"]["actor"] == "subject"


async def test_settings_are_told(server: RunningServer, store: Store) -> None:
    """A265: what a process started with and what the one before had, by name."""
    core = server.core
    for lifetime in (600, 300):
        started_with = core.settings.model_copy(update={"access_token_lifetime": lifetime})
        await record_settings(store, started_with, core.master, DEFAULT_TENANT)
    _, second = await changed("setting")
    assert values(second) == {"access_token_lifetime": (600, 300)}
    assert second["by"] == f"server ({OPERATOR}) at the start of a server process"
    text = (await run("audit", "changes", "setting", "--field", "access_token_lifetime")).output
    assert "– → 600" in text
    assert "600 → 300" in text
    assert "use --field" in (await run("audit", "changes", "setting", "port", status=2)).stderr


async def test_settings_as_of_a_position(server: RunningServer, store: Store) -> None:
    """A265: ``audit state setting`` shows what a process had started with at a position; of a secret (A266) that it was
    set."""
    core = server.core
    for lifetime in (600, 300):
        update = {
            "access_token_lifetime": lifetime,
            "client_cert_secret": SecretStr("proxy-secret-" + "x" * 32),
        }
        await record_settings(store, core.settings.model_copy(update=update), core.master, DEFAULT_TENANT)
    first, second = await changed("setting")
    shown = {
        place: json.loads((await run("audit", "state", "setting", "--at", str(place), "--json")).stdout)[
            "fields"
        ]
        for place in (first["position"], second["position"])
    }
    assert [one["access_token_lifetime"] for one in shown.values()] == [600, 300]
    assert {one["client_cert_secret"] for one in shown.values()} == {"set"}
    none = await run("audit", "state", "setting", "--at", str(first["position"] - 1))
    assert "There was no setting" in none.stdout


async def test_changes_from_before_the_record_of_authority(store: Store) -> None:
    """A264: where an event does not say what allowed it, the answer is what the event leaves as the only way, marked as
    not recorded; where there are two ways, none."""
    registered = {
        "client_id": "old", "metadata": {"client_name": "Old"}, "registered_at": 1, "source": "registration",
        "initial_token_id": "token-1",
    }  # fmt: skip
    payloads = (
        ("client.registered.v1", registered),
        ("client.secret_set.v1", {"secret_hash": "hash-of-secret", "set_at": 1}),
        ("client.updated.v1", {"metadata": {"client_name": "New"}, "updated_at": 2, "by_itself": True}),
    )
    news = tuple(NewEvent(type_, json.dumps({"type": type_} | body).encode()) for type_, body in payloads)
    stream = client_stream(DEFAULT_TENANT, "old")
    metadata = json.dumps({"tenant": "default", "actor": "client", "client_id": "old"}).encode()
    await store.append(Append((StreamAppend(stream, 0, news),), metadata, configuration=True))
    authorities = [one["authority"] for one in await changed("client", "old")]
    assert authorities == [
        {"name": "initial_access_token", "credential": "token-1", "recorded": False},
        {"name": "", "credential": "", "recorded": False},
        {"name": "registration_access_token", "credential": "", "recorded": False},
    ]


async def test_an_unreadable_event_is_not_guessed(store: Store) -> None:
    """F19: behind an event that this version cannot read the state is not known. The changes after it say so in place
    of values, and the command ends with status 1."""
    await run("client", "create", "--client-id", "shop", "--redirect-uri", "https://rp.example/cb")
    version = (await store.read_stream(client_stream(DEFAULT_TENANT, "shop"))).version
    unknown = NewEvent("client.from_the_future.v9", b'{"type":"client.from_the_future.v9"}')
    disabled = NewEvent("client.disabled.v1", b'{"type":"client.disabled.v1","reason":"","disabled_at":9}')
    appended = StreamAppend(client_stream(DEFAULT_TENANT, "shop"), version, (unknown, disabled))
    await store.append(Append((appended,), b'{"tenant":"default","actor":"admin"}', configuration=True))
    made, *_, last = await changed("client", "shop", status=1)
    assert made["readable"]
    assert (last["type"], last["readable"], last["fields"]) == ("client.disabled.v1", False, [])
    text = await run("audit", "changes", "client", "shop", status=1)
    assert "cannot be read by this version" in " ".join(text.output.split())


async def test_pages_actors_and_following(server: RunningServer) -> None:
    """--limit and --after read the same changes in pages, --actor narrows them, --follow ends where it is told."""
    await server.client("web")
    await server.client("service")
    whole = await changed()
    paged: list[dict[str, Any]] = []
    while page := await changed("--limit", "2", "--after", str(paged[-1]["position"] if paged else 0)):
        paged += page
    assert paged == whole
    assert {one["metadata"]["actor"] for one in await changed("--actor", "system")} == {"system"}
    last = whole[-1]["position"]
    assert await changed("--follow", "--to", str(last)) == whole
    await run("audit", "changes", "--follow", "--limit", "1", status=2)
    told = await run("audit", "changes", "--limit", "1")
    assert f"--after {whole[0]['position']}" in told.stderr
    assert "Nothing was changed" in (await run("audit", "changes", "client", "nobody")).stdout


@pytest.mark.parametrize("kind", CHANGEABLE)
async def test_no_hash_of_a_secret_is_told(store: Store, kind: str) -> None:
    """A266: whatever the kind, no value of a field that holds a digest of a secret is printed: neither a name that ends
    with it nor the value itself."""
    golden = json.loads((Path(__file__).parents[2] / "domain" / "golden_events.json").read_text("utf-8"))
    tags = list(REGISTRIES[kind])
    news = tuple(NewEvent(tag, json.dumps(golden[tag]).encode()) for tag in tags)
    stream = f"{DEFAULT_TENANT}:{kind}:thing"
    await store.append(Append((StreamAppend(stream, 0, news),), b'{"tenant":"default","actor":"admin"}'))
    told = json.dumps(await changed(kind))
    assert told != "[]"
    for tag in tags:
        for name, value in golden[tag].items():
            if name in ("secret_hash", "token_hash"):
                assert value not in told
                assert name not in told
