"""``authrim audit search``, ``account`` and ``session`` as they are used, on each store."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authrim.audit.search import position_at
from authrim.commands.root import main
from authrim.core.questions import LONGEST_REASON
from authrim.store.read_back import ReadBack
from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.running import RunningServer

REASON = ("--reason", "ticket 4711")


@pytest.fixture
async def story(server: RunningServer, browser: Browser, settings: None) -> dict[str, str]:
    """Somebody signs in at a client, which redeems the code and refreshes; a secret is guessed once."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web, scope="openid offline_access", prompt="consent")
    code = (await browser.through_pages(shown)).parameters["code"]
    _, tokens = await redeem(server, web, code, verifier)
    await authenticated_post(
        server, web, "/token", {"grant_type": "refresh_token", "refresh_token": str(tokens["refresh_token"])}
    )
    return {"client": web.client_id, "grant": code.split(".")[1], "secret": web.secret, "code": code}


async def run(*arguments: str, status: int = 0) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, main, list(arguments))
    assert result.exit_code == status, (result.output, result.exception)
    return result


async def found(*arguments: str) -> list[dict[str, Any]]:
    """The JSON lines of a command."""
    return [json.loads(line) for line in (await run("audit", *arguments, "--json")).stdout.splitlines()]


def names(lines: list[dict[str, Any]]) -> list[str]:
    return [line["type"].split(".")[1] for line in lines]


async def test_search_finds_by_each_condition(
    server: RunningServer, store: ReadBack, story: dict[str, str]
) -> None:
    """By client, person, session, grant, key, type, actor, address, trace, time and position; each row has its
    position, and the secret, code and login are nowhere."""
    of_grant = await found("search", "--grant", story["grant"])
    assert names(of_grant)[:2] == ["authorization_requested", "subject_authenticated"]
    assert "refresh_token_rotated" in names(of_grant)
    assert all(line["stream"].endswith(story["grant"]) for line in of_grant)
    session, key = of_grant[1]["fields"]["session_id"], of_grant[-1]["fields"]["signing_kid"]
    assert {"started", "subject_authenticated"} <= set(names(await found("search", "--session", session)))
    assert {"created", "access_token_issued"} <= set(names(await found("search", "--key", key)))
    rotated = await found("search", "--client", story["client"], "--type", "grant.refresh_token_rotated.v1")
    assert names(rotated) == ["refresh_token_rotated"]
    trace = rotated[0]["metadata"]["trace"]
    assert await found("search", "--trace", trace) == rotated
    assert rotated[0] in await found("search", "--address", "127.0.0.1", *REASON)
    assert await found("search", "--address", "192.0.2.1") == []
    assert names(await found("search", "--actor", "admin", "--type", "account.created.v1")) == ["created"]
    by_login = await found("search", "--account", server.login, *REASON)
    by_subject = await found("search", "--account", server.subject)
    assert by_subject[: len(by_login)] == by_login
    assert {"created", "started", "subject_authenticated"} <= set(names(by_login))
    time, place = rotated[0]["time"], rotated[0]["position"]
    since = await found("search", "--client", story["client"], "--from", time, "--to", str(place))
    assert [line["position"] for line in since][-1] == place
    assert {line["recorded_at"] for line in since} == {rotated[0]["recorded_at"]}
    assert await found("search", "--client", story["client"], "--to", of_grant[0]["time"]) == await found(
        "search", "--client", story["client"], "--to", str(of_grant[0]["position"] - 1)
    )
    text = (await run("audit", "search", "--account", server.login, *REASON)).output
    assert "The person was identified as" in text
    for secret in (story["secret"], story["code"], server.login):
        assert secret not in text + json.dumps(by_login)


async def test_pages_go_on_at_a_position(story: dict[str, str]) -> None:
    """--limit and --after read the same rows in pages, and whoever reads text is told how to go on."""
    whole = await found("search", "--client", story["client"])
    paged: list[dict[str, Any]] = []
    while page := await found(
        "search",
        "--client",
        story["client"],
        "--limit",
        "3",
        "--after",
        str(paged[-1]["position"] if paged else 0),
    ):
        paged += page
    assert paged == whole
    told = await run("audit", "search", "--client", story["client"], "--limit", "1")
    assert f"--after {whole[0]['position']}" in told.stderr
    assert "Nothing was found" in (await run("audit", "search", "--client", "nobody")).stdout


async def test_questions_about_people_are_recorded(
    server: RunningServer, store: ReadBack, story: dict[str, str]
) -> None:
    """A247: who asks about a person, a session or an address, or takes a copy, leaves an event with what and why; it
    holds no login and no address, and it is in the person's own history. Other questions leave nothing."""

    async def questions() -> list[dict[str, Any]]:
        events = await store.read_log(0, 10_000)
        return [json.loads(event.payload) for event in events if event.type == "audit.question_asked.v1"]

    await run("audit", "search", "--client", story["client"])
    await run("audit", "grant", story["grant"])
    assert await questions() == []
    await run("audit", "search", "--client", story["client"], "--json")
    await run("audit", "search", "--address", "127.0.0.1")
    await run("audit", "account", server.login, *REASON)
    await run("audit", "session", "some-session", "--json")
    asked = await questions()
    assert [one["question"] for one in asked] == ["search", "search", "account_history", "session_history"]
    assert [one.get("exported", False) for one in asked] == [True, False, False, True]
    assert asked[0]["conditions"] == {"client_id": story["client"]}
    assert asked[2]["subject"] == server.subject
    assert asked[2]["reason"] == "ticket 4711"
    assert {one["operator"] for one in asked} == {f"uid {os.getuid()}"}
    assert server.login not in json.dumps(asked)
    assert "127.0.0.1" not in json.dumps(asked)
    history = await found("account", server.subject)
    assert names(history)[-2:] == ["question_asked", "question_asked"]


async def test_a_login_needs_a_reason(server: RunningServer, story: dict[str, str]) -> None:
    """A247: without a reason a login is refused, and an unknown one in the same words; a long or unprintable reason is
    refused; nothing is recorded of either."""
    for command in ("account",), ("search", "--account"):
        for login in (server.login, "nobody"):
            assert "Say why with --reason" in (await run("audit", *command, login, status=1)).stderr
        for reason in ("x" * (LONGEST_REASON + 1), "line\nbreak"):
            assert (
                "cannot be recorded"
                in (await run("audit", *command, server.login, "--reason", reason, status=1)).stderr
            )
    type_ = "audit.question_asked.v1"
    asked = len(await found("search", "--type", type_))
    for words in (
        ("audit", "account", "nobody"),
        ("audit", "search", "--account", "nobody"),
        ("account", "show", "nobody", "--personal"),
    ):
        assert "no such account" in (await run(*words, *REASON, status=1)).stderr
    assert len(await found("search", "--type", type_)) == asked + 1 + 3  # and the first count itself


async def test_histories_tell_the_whole_story(server: RunningServer, story: dict[str, str]) -> None:
    """The history of a person has the account, the sign-in and the grant to its refresh; that of a session what was
    granted in it; both in order, page by page."""
    history = await found("account", server.subject)
    assert {
        "created", "password_set", "started", "subject_authenticated", "consent_granted", "code_issued",
        "code_redeemed", "refresh_token_issued", "refresh_token_rotated", "access_token_issued",
    } <= set(names(history))  # fmt: skip
    positions = [line["position"] for line in history]
    assert positions == sorted(set(positions))
    first = await found("account", server.subject, "--limit", "4")
    assert first == history[:4]
    assert (await found("account", server.subject, "--after", str(positions[3]), "--limit", "2")) == history[
        4:6
    ]
    (session,) = {
        line["fields"]["session_id"] for line in history if line["type"].startswith("grant.subject")
    }
    of_session = await found("session", session)
    assert {"started", "code_issued", "refresh_token_rotated"} <= set(names(of_session))
    text = (await run("audit", "session", session)).output
    assert str(of_session[0]["position"]) in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--type", "grant.unheard_of.v1"), "no such event type"),
        (("--type", "grant.code_issued.v1"), "always come with another"),
        (("--type", "grant.id_token_issued.v1", "--trace", "x"), "is found by the request"),
    ],
)
async def test_what_cannot_be_found_is_refused(
    settings: None, store: ReadBack, options: tuple[str, ...], words: str
) -> None:
    """A search that would find nothing because of how the index is made says so."""
    assert words in " ".join((await run("audit", "search", *options, status=1)).stderr.split())


@pytest.mark.parametrize(
    ("option", "value"), [("--from", "yesterday"), ("--to", "1e9"), ("--address", "here")]
)
async def test_values_that_mean_nothing(settings: None, store: ReadBack, option: str, value: str) -> None:
    """A time, a position and an address are checked before anything is asked."""
    assert option in (await run("audit", "search", option, value, status=2)).stderr


async def test_times_lead_to_positions(server: RunningServer, store: ReadBack, story: dict[str, str]) -> None:
    """The position of a time is that of the last event before it, also before the first and after the last."""
    events = await store.read_log(0, 1000)
    for event in events:
        wanted = max((one.position for one in events if one.recorded_at < event.recorded_at), default=0)
        assert await position_at(store, event.recorded_at) == wanted
    assert await position_at(store, 0) == 0
    assert await position_at(store, events[-1].recorded_at + 1) == events[-1].position


async def test_follow_ends_where_it_is_told(story: dict[str, str]) -> None:
    """--follow up to a position ends there, with all that is found; a --limit beside it is refused."""
    lines = await found("search", "--follow", "--to", "3")
    assert [line["position"] for line in lines] == sorted(line["position"] for line in lines)
    assert max(line["position"] for line in lines) <= 3
    await run("audit", "search", "--follow", "--limit", "1", status=2)


async def test_follow_prints_what_comes(server: RunningServer, story: dict[str, str]) -> None:
    """--follow prints what is there and then each new event, as JSON lines, until it is interrupted."""
    web = await server.client("web")
    command = (
        sys.executable,
        "-m",
        "authrim",
        "audit",
        "search",
        "--client",
        web.client_id,
        "--follow",
        "--json",
    )
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        seen = [json.loads(await process.stdout.readline())["type"] for _ in range(2)]
        assert seen == ["client.registered.v1", "client.secret_set.v1"]
        form = {"grant_type": "client_credentials", "client_id": web.client_id, "client_secret": "guessed"}
        async with server.http.post(server.url("/token"), data=form) as answer:
            assert answer.status == 401
        while json.loads(await process.stdout.readline())["type"] != "refusal.request_refused.v1":
            pass
        process.send_signal(2)
        assert await process.wait() == 0
