"""``authrim audit state`` as it is used, on each store."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authrim.commands.root import main
from authrim.core.questions import LONGEST_REASON
from authrim.core.signing_keys import revoke_key
from authrim.people import accounts
from authrim.people.erasure import erase_account
from authrim.store.contract import Append, NewEvent, StreamAppend
from authrim.store.read_back import ReadBack
from domain.stream import DEFAULT_TENANT, account_stream
from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.running import RunningServer

REASON = ("--reason", "ticket 4711")
QUESTION = "audit.question_asked.v1"


@pytest.fixture
async def story(server: RunningServer, browser: Browser, settings: None) -> dict[str, Any]:
    """Somebody signs in at a client, which redeems the code; the account is disabled, and enabled again."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web, scope="openid offline_access", prompt="consent")
    code = (await browser.through_pages(shown)).parameters["code"]
    _, tokens = await redeem(server, web, code, verifier)
    store = server.core.store
    positions = [(await store.head()).position]
    for change in (
        accounts.disable_account(store, DEFAULT_TENANT, server.subject, "test"),
        accounts.enable_account(store, DEFAULT_TENANT, server.subject),
    ):
        await change
        positions.append((await store.head()).position)
    return {"client": web.client_id, "grant": code.split(".")[1], "positions": positions, "tokens": tokens}


async def run(*arguments: str, status: int = 0) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, main, ["audit", "state", *arguments])
    assert result.exit_code == status, (result.output, result.exception)
    return result


async def state(*arguments: str) -> dict[str, Any]:
    """The one JSON line of the command."""
    (line,) = (await run(*arguments, "--json")).stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


async def questions(store: ReadBack) -> list[dict[str, Any]]:
    events = await store.read_log(0, 10_000)
    return [json.loads(event.payload) for event in events if event.type == QUESTION]


async def introspected(server: RunningServer, story: dict[str, Any]) -> bool:
    form = {"token": story["tokens"]["access_token"]}
    status, answer = await authenticated_post(server, await server.client("web"), "/introspect", form)
    assert status == 200
    return bool(answer["active"])


async def test_a_grant_as_of_each_position(server: RunningServer, story: dict[str, Any]) -> None:
    """A237: a grant is active, ended with its account, and active again, as of the positions where it was; now, the
    answer is that of introspection. By a time it is the same as by the position."""
    before, disabled, enabled = story["positions"]
    found = [await state("grant", story["grant"], "--at", str(at)) for at in (before, disabled, enabled)]
    assert [(one["status"], one["reason"]) for one in found] == [
        ("active", ""), ("ended", "account_not_active"), ("active", ""),
    ]  # fmt: skip
    assert [one["fields"]["tokens"][0]["active"] for one in found] == [True, False, True]
    assert found[1]["fields"]["depends_on"]["account"] == "disabled"
    assert found[0]["subject"] == server.subject
    by_time = await state("grant", story["grant"], "--at", found[1]["time"])
    assert by_time["status"] == "ended"
    assert by_time["fields"] == found[1]["fields"]
    now = await state("grant", story["grant"])
    assert now["fields"]["tokens"][0]["active"] is await introspected(server, story) is True
    assert now["last_event"] == found[0]["last_event"]
    assert now["next_event"] is None
    first = found[0]["last_event"]["position"] - 1
    assert (await state("grant", story["grant"], "--at", str(first)))["next_event"]["position"] == first + 1


async def test_every_kind_is_shown(server: RunningServer, store: ReadBack, story: dict[str, Any]) -> None:
    """A session, an account, a client and all keys as of a position, as JSON and as text, without a digest or secret of
    them; kinds of which there is nothing say so."""
    at = ("--at", str(story["positions"][0]))
    session_id = (await state("grant", story["grant"], *at))["fields"]["session_id"]
    assert (await state("session", session_id, *at))["status"] == "active"
    account = await state("account", server.subject, *at)
    assert account["status"] == "active"
    assert account["fields"]["consents"] == {story["client"]: ["openid", "offline_access"]}
    client = await state("client", story["client"], *at)
    assert client["fields"]["metadata"]["redirect_uris"] == ["https://rp.example/cb"]
    keys = [json.loads(line) for line in (await run("key", *at, "--json")).stdout.splitlines()]
    assert {one["status"] for one in keys} == {"active"}
    assert (await state("key", keys[0]["id"], *at)) == keys[0]
    assert "There was no claim at position" in (await run("claim", *at)).stdout
    printed = json.dumps([account, client, keys])
    for kind, name in (("client", story["client"]), ("session", session_id), ("grant", story["grant"])):
        text = (await run(kind, name, *at)).stdout
        assert "as_of" in text
        printed += text
    streams = [f"default:client:{story['client']}", f"default:session:{session_id}"]
    recorded = [json.loads(e.payload) for name in streams for e in await store.read_whole_stream(name)]
    digests = [value for event in recorded for key, value in event.items() if key.endswith("_hash")]
    assert digests
    assert not any(value in printed for value in digests)


async def test_erased_stays_erased(server: RunningServer, store: ReadBack, story: dict[str, Any]) -> None:
    """A237: once a person is erased, the past shows the status of the account then, and no consent; the login leads
    nowhere; the question is recorded by the pseudonym."""
    before = story["positions"][0]
    await erase_account(store, server.core.private, server.core.master, DEFAULT_TENANT, server.subject)
    found = await state("account", server.subject, "--at", str(before))
    assert found["status"] == "active"
    assert set(found["fields"]) == {"erased_at", "withheld_since_erasure"}
    assert found["fields"]["withheld_since_erasure"] is True
    assert (await state("account", server.subject))["status"] == "erased"
    assert "no such account" in (await run("account", server.login, *REASON, status=1)).stderr
    asked = await questions(store)
    assert asked[0]["subject"] == server.subject
    assert asked[0]["conditions"] == {"kind": "account", "position": str(before)}
    assert server.login not in json.dumps(asked)


async def test_questions_about_the_past_are_recorded(
    server: RunningServer, store: ReadBack, story: dict[str, Any]
) -> None:
    """A237, A247: every question about the past is an event with what, when and why, by the pseudonym of the person; a
    login needs a reason; what leads nowhere is recorded as a keyed hash, and so cannot hold a login."""
    at = str(story["positions"][0])
    await run("grant", story["grant"], "--at", at, "--reason", "dispute 12")
    await run("client", story["client"], "--at", at, "--json")
    await run("account", server.login, *REASON)
    assert "There was no such grant" in (await run("grant", server.login, status=1)).stderr
    asked = await questions(store)
    assert [one["question"] for one in asked] == ["state"] * 4
    assert [one.get("exported", False) for one in asked] == [False, True, False, False]
    assert asked[0]["subject"] == asked[2]["subject"] == server.subject
    assert asked[0]["conditions"] == {"kind": "grant", "id": story["grant"], "position": at}
    assert asked[0]["reason"] == "dispute 12"
    assert server.login not in json.dumps(asked)
    assert "Say why with --reason" in (await run("account", server.login, status=1)).stderr
    assert (
        "cannot be recorded"
        in (await run("client", story["client"], "--reason", "x" * (LONGEST_REASON + 1), status=1)).stderr
    )
    assert await questions(store) == asked


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("client", "web", "--at", "1000000"), "no such position"),
        (("client", "web", "--at", "0"), "no such position"),
        (("client", "web", "--at", "2999-01-01"), "in the future"),
        (("client", "nobody"), "There was no such client"),
        (("client", "web", "--at", "1999-01-01"), "There was no such client at position 0"),
    ],
)
async def test_what_has_no_answer(
    server: RunningServer, settings: None, arguments: tuple[str, ...], words: str
) -> None:
    """What is still to come, never was, or was not yet is refused with the reason."""
    assert words in " ".join((await run(*arguments, status=1)).stderr.split())


async def test_unreadable_is_no_answer(server: RunningServer, store: ReadBack, story: dict[str, Any]) -> None:
    """A232: where the log holds an event that cannot be read, nothing is guessed; before it, all is told."""
    stream = account_stream(DEFAULT_TENANT, server.subject)
    version = (await store.read_stream(stream)).version
    unknown = NewEvent("account.from_the_future.v1", b"{}")
    await store.append(Append((StreamAppend(stream, version, (unknown,)),), b"{}"))
    assert "cannot read" in (await run("grant", story["grant"], status=1)).stderr
    assert (await state("grant", story["grant"], "--at", str(story["positions"][0])))["status"] == "active"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("grant",), "Name one grant"), (("teapot", "x"), "KIND"), (("key", "--at", "x"), "--at")],
)
async def test_arguments_that_mean_nothing(
    settings: None, store: ReadBack, arguments: tuple[str, ...], words: str
) -> None:
    """A kind that needs an id, no kind, no time: nothing is asked."""
    assert words in (await run(*arguments, status=2)).stderr


async def test_a_revoked_key_ends_its_tokens(
    server: RunningServer, store: ReadBack, story: dict[str, Any]
) -> None:
    """Since the key of a JWT is revoked, neither introspection nor the state of its grant calls it active; before, both
    did."""
    position = (await store.head()).position
    (token,) = (await state("grant", story["grant"]))["fields"]["tokens"]
    assert token["active"] is await introspected(server, story) is True
    events = [json.loads(event.payload) for event in await store.read_log(0, 1000)]
    (kid,) = {event["signing_kid"] for event in events if event.get("token_id") == token["token_id"]}
    core = server.core
    await revoke_key(store, core.private, core.configuration, DEFAULT_TENANT, kid, "leaked")
    await core.configuration.catch_up()
    (token,) = (await state("grant", story["grant"]))["fields"]["tokens"]
    assert token["active"] is await introspected(server, story) is False
    assert token["reason"] == "signing_key_gone"
    (before,) = (await state("grant", story["grant"], "--at", str(position)))["fields"]["tokens"]
    assert before["active"] is True
