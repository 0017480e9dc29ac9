"""``authrim audit token``: whether an access token was active at a time, for an auditor."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authrim.commands.root import main
from authrim.people.accounts import disable_account
from authrim.people.erasure import erase_account
from authrim.store.read_back import ReadBack
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser
from tests.support.running import RunningServer
from tests.tokens.evidence.signed import read

pytestmark = pytest.mark.usefixtures("settings")

TYP = "authrim-token-at+jwt"


async def run(*arguments: str, sent: str = "", status: int = 0) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, main, ["audit", *arguments], sent + "\n")
    assert result.exit_code == status, (result.output, result.exception)
    return result


async def told(*arguments: str, sent: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((await run("token", *arguments, "--json", sent=sent)).stdout)
    return answer


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
async def test_a_token_as_of_each_position(
    server: RunningServer, store: ReadBack, browser: Browser, token_format: str
) -> None:
    """A token on standard input, or named by its id, was active until its account was disabled; the answer
    names the events that say so, and the questions are recorded under the person, without the token."""
    web = await server.client("web", access_token_format=token_format)
    token = (await browser.code_flow(web, scope="openid"))["access_token"]
    active = (await store.head()).position
    await disable_account(store, DEFAULT_TENANT, server.subject, "test")
    was = await told("--at", str(active), sent=token)
    assert (was["active"], was["reason"], was["subject"]) == (True, "", server.subject)
    now = await told(sent=token)
    assert (now["active"], now["reason"]) == (False, "account_not_active")
    assert now["depends_on"][1]["type"] == "account.disabled.v1"
    named = await told(was["token_id"], "--at", str(active))
    assert named == was
    text = (await run("token", "--at", str(active + 1), sent=token)).stdout
    assert "The account is disabled or erased." in text
    events = await store.read_log(active, 1000)
    asked = [json.loads(event.payload) for event in events if event.type == "audit.question_asked.v1"]
    assert [one["question"] for one in asked] == ["token"] * 4
    assert {one["subject"] for one in asked} == {server.subject}
    assert asked[0]["conditions"] == {
        "grant": was["grant_id"], "id": was["token_id"], "position": str(active),
    }  # fmt: skip
    assert token not in json.dumps(asked)


async def test_the_answer_is_signed_for_a_dispute(
    server: RunningServer, store: ReadBack, browser: Browser
) -> None:
    """With --sign the answer is a JWS that the published keys verify, says nothing of the person, and that audit
    receipt finds in the log; also after the person is erased."""
    web = await server.client("web")
    token = (await browser.code_flow(web, scope="openid"))["access_token"]
    position = (await store.head()).position
    core = server.core
    await erase_account(store, core.private, core.master, DEFAULT_TENANT, server.subject)
    signed = (await run("token", "--at", str(position), "--sign", sent=token)).stdout.strip()
    claims = await read(server, signed, TYP)
    assert claims["token_introspection"]["active"] is True
    assert claims["as_of"]["position"] == position
    assert server.subject not in json.dumps(claims)
    assert "aud" not in claims
    assert claims["events"][0]["type"] == "grant.access_token_issued.v1"
    assert json.loads((await run("receipt", "--json", sent=signed)).stdout)["holds"] is True
    ended = await read(server, (await run("token", "--sign", sent=token)).stdout.strip(), TYP)
    assert ended["token_introspection"] == {"active": False, "reason": "account_not_active"}


async def test_what_is_no_token(server: RunningServer, store: ReadBack, browser: Browser) -> None:
    """What was not issued here, or not yet, is refused, and the question recorded by a keyed hash; a token is never an
    argument, and none on standard input is said so."""
    web = await server.client("web")
    before = (await store.head()).position
    token = (await browser.code_flow(web, scope="openid"))["access_token"]
    forged = token[:-8] + "AAAAAAAA"
    for sent, arguments in ((token, ("--at", str(before))), (forged, ()), ("x", ()), ("", ("no-such-id",))):
        refused = await run("token", *arguments, sent=sent, status=1)
        assert "No such access token had been issued" in refused.stderr
    asked = [e for e in await store.read_log(before, 1000) if e.type == "audit.question_asked.v1"]
    assert len(asked) == 4
    assert all(len(json.loads(event.payload)["conditions"]["id"]) == 43 for event in asked)
    assert "standard input" in (await run("token", status=2)).stderr
    assert "standard input" in (await run("token", sent="x" * 70_000, status=2)).stderr
