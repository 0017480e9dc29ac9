"""``authrim audit radius`` and ``incident`` as they are used, on each store."""

import asyncio
import json
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authrim import __version__
from authrim.audit.radius import Radius, Thing
from authrim.commands.root import main
from authrim.people import grants, incidents
from authrim.people.sessions.end import end_one
from authrim.store.contract import Append, NewEvent, Store, StreamAppend, Unavailable
from authrim.store.read_back import ReadBack
from domain.errors import Refusal, temporarily_unavailable
from domain.incident import Incident
from domain.stream import DEFAULT_TENANT, grant_stream, session_stream
from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.running import RunningServer

CAUSE = ("--reason", "ticket 4711")


@pytest.fixture
async def story(server: RunningServer, browser: Browser, server_settings: None) -> dict[str, Any]:
    """Somebody signs in at a client three times, in one session; another client has a token of its own."""
    web, batch = await server.client("web"), await server.client("service")
    tokens, grants = [], []
    for _ in range(3):
        shown, verifier = await browser.authorize(web, scope="openid offline_access", prompt="consent")
        code = (await browser.through_pages(shown)).parameters["code"]
        tokens.append((await redeem(server, web, code, verifier))[1])
        grants.append(code.split(".")[1])
    form = {"grant_type": "client_credentials"}
    _, own = await authenticated_post(server, batch, "/token", form)
    return {"web": web.client_id, "service": batch.client_id, "tokens": tokens, "grants": grants, "own": own}


async def run(*arguments: str, sent: str = "", status: int = 0, of: str = "radius") -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, main, ["audit", of, *arguments], input=sent)
    assert result.exit_code == status, (result.output, result.exception)
    return result


async def found(*arguments: str, of: str = "radius", status: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((await run(*arguments, "--json", of=of, status=status)).stdout)
    return answer


async def is_active(server: RunningServer, token: str) -> bool:
    web = await server.client("web")
    _, answer = await authenticated_post(server, web, "/introspect", {"token": token})
    return bool(answer["active"])


def touched(answer: dict[str, Any], kind: str) -> tuple[int, int | None]:
    return answer["counts"][kind]["touched"], answer["counts"][kind]["in_force"]


async def test_each_condition(server: RunningServer, store: ReadBack, story: dict[str, Any]) -> None:
    """A271: by client, person, address, key and server version, with the count by kind; between two positions; all
    conditions must hold. Nothing is changed, and the questions are recorded."""
    of_client = await found("--client", story["web"])
    assert touched(of_client, "grants") == (3, 3)
    assert touched(of_client, "access_tokens") == (3, 3)
    assert touched(of_client, "sessions") == (1, 1)
    assert set(of_client["ids"]["grants"]) == set(story["grants"])
    assert of_client["ids"]["accounts"] == [server.subject]
    assert of_client["revoke_ends"] == ["grants"]
    of_person = await found("--account", server.subject)
    assert touched(of_person, "grants") == (3, 3)
    assert of_person["revoke_ends"] == ["sessions", "grants"]
    of_address = await found("--address", "127.0.0.1")
    assert touched(of_address, "grants") == (4, 4)
    assert touched(of_address, "access_tokens") == (4, 4)
    assert touched(await found("--address", "192.0.2.1"), "grants") == (0, 0)
    assert touched(await found("--address", "127.0.0.1", "--client", story["web"]), "grants") == (3, 3)
    events = await store.read_whole_stream(grant_stream(DEFAULT_TENANT, story["grants"][0]))
    kid = next(json.loads(e.payload)["signing_kid"] for e in events if e.type == "grant.id_token_issued.v1")
    of_key = await found("--key", kid)
    assert touched(of_key, "grants")[0] >= 3
    assert touched(of_key, "keys") == (1, 1)
    assert "keys" in of_key["revoke_ends"]
    last = events[-1].position
    early = await found("--client", story["web"], "--to", str(last))
    assert touched(early, "grants") == (1, 1)
    part = ("--from", "1", "--to", str(last))
    assert touched(await found("--server-version", __version__, *part), "grants") == (1, 1)
    assert touched(await found("--server-version", "0.0.0", *part), "grants") == (0, 0)
    assert touched(await found("--server-version", "0.0.0", "--client", story["web"]), "grants") == (0, 0)
    assert "--from and --to" in (await run("--server-version", "0.0.0", status=1)).stderr
    assert "Say what to look for" in (await run(status=1)).stderr
    assert "In force" in (await run("--client", story["web"])).stdout
    log = await store.read_log(0, 10_000)
    questions = [e for e in log if e.type == "audit.question_asked.v1"]
    assert len(questions) == 11
    assert not any(":incident:" in e.stream or e.type == "grant.revoked.v1" for e in log)
    assert not any(b"127.0.0.1" in e.payload for e in questions)


async def test_revoking_is_one_incident(
    server: RunningServer, store: ReadBack, story: dict[str, Any]
) -> None:
    """A271: --revoke shows the counts and asks; then sessions and grants end, by the incident's id as reason, and the
    incident is read back with its cause, positions, and everything that was ended. What is not ended is named."""
    assert "--reason" in (await run("--account", server.subject, "--revoke", "--yes", status=1)).stderr
    asked = await run("--account", server.subject, "--revoke", *CAUSE, sent="n\n", status=1)
    assert "End 1 sessions, 3 grants?" in asked.stderr
    assert (await found(of="incident"))["incidents"] == []
    token = story["tokens"][0]["access_token"]
    assert await is_active(server, token)
    done = await found("--account", server.subject, "--revoke", "--yes", *CAUSE)
    assert not await is_active(server, token)
    assert done["status"] == "closed"
    assert done["counts"] == {"sessions": 1, "grants": 3}
    assert set(done["ended"]["grants"]) == set(story["grants"])
    assert any(text.startswith("accounts") for text in done["not_ended"])
    (listed,) = (await found(of="incident"))["incidents"]
    read = await found(done["incident"], of="incident")
    assert read == listed
    assert {name: value for name, value in done.items() if name in read} == read
    assert (read["reason"], read["subject"], read["left"]) == ("ticket 4711", server.subject, {})
    reason = f"incident {done['incident']}"
    streams = [grant_stream(DEFAULT_TENANT, one) for one in story["grants"]]
    streams += [session_stream(DEFAULT_TENANT, one) for one in done["ended"]["sessions"]]
    for stream in streams:
        events = await store.read_whole_stream(stream)
        assert any(json.loads(event.payload).get("reason") == reason for event in events), stream
    assert "ticket 4711" in (await run(done["incident"], of="incident")).stdout
    told = await run("grant", story["grants"][0], "--json", of="lineage")
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    (begun,) = [line["position"] for line in lines if line["step"] == "incident"]
    caused = {line["step"] for line in lines if line["caused_by"] == begun}
    assert caused == {"revocation", "session's end"}
    assert "no such incident" in (await run("nothing", of="incident", status=1)).stderr
    assert touched(await found("--account", server.subject), "grants") == (3, 0)
    assert touched(await found("--account", server.subject), "access_tokens") == (3, 0)
    assert story["own"]["access_token"]
    assert touched(await found("--client", story["service"]), "grants") == (1, 1)


async def test_a_key_is_revoked_with_what_it_signed(
    server: RunningServer, store: ReadBack, story: dict[str, Any]
) -> None:
    """A271: with --key the key is revoked and replaced, and the grants that it signed for end; sessions go on, and
    that is said."""
    events = await store.read_whole_stream(grant_stream(DEFAULT_TENANT, story["grants"][0]))
    kid = next(json.loads(e.payload)["signing_kid"] for e in events if e.type == "grant.id_token_issued.v1")
    done = await found("--key", kid, "--revoke", "--yes", *CAUSE)
    assert done["ended"]["keys"] == [kid]
    assert set(story["grants"]) <= set(done["ended"]["grants"])
    types = [e.type for e in await store.read_whole_stream(f"{DEFAULT_TENANT}:key:{kid}")]
    assert "key.revoked.v1" in types
    assert touched(await found("--key", kid), "keys") == (1, 0)


def failing(after: int, answer: Callable[[], bool | Refusal]) -> Callable[..., Any]:
    """The function that ends a grant, which does something else from the ``after``-th call on."""
    true, count = grants.end_grant, 0

    async def end(store: Store, tenant: str, grant_id: str, reason: str) -> bool | Refusal:
        nonlocal count
        count += 1
        return answer() if count > after else await true(store, tenant, grant_id, reason)

    return end


async def test_an_interrupted_incident_goes_on(
    server: RunningServer, store: ReadBack, story: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A272: where the process ends in the middle, the same command goes on with the same incident; what was ended
    before, and not noted, is in it too, and each thing once."""

    def lost() -> bool:
        raise Unavailable("the database went away")

    command = ("--account", server.subject, "--revoke", "--yes", *CAUSE)
    with monkeypatch.context() as patched:
        patched.setattr(incidents, "end_grant", failing(1, lost))
        await run(*command, status=1)
    (left,) = (await found(of="incident"))["incidents"]
    assert left["status"] == "open"
    assert "grants" not in left["ended"]
    done = await found(*command)
    assert done["incident"] == left["incident"]
    assert done["status"] == "closed"
    assert sorted(done["ended"]["grants"]) == sorted(story["grants"])
    assert len(done["ended"]["sessions"]) == 1
    again = await found(*command)
    assert again["incident"] != done["incident"]
    assert again["counts"] == {}


async def test_what_cannot_be_ended_is_named(
    server: RunningServer, story: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A272: what others keep changing is named, the status is 1 and the incident stays open; the next run ends it."""
    command = ("--client", story["web"], "--revoke", "--yes", *CAUSE)
    with monkeypatch.context() as patched:
        busy = temporarily_unavailable("Somebody else keeps changing the same thing.")
        patched.setattr(incidents, "end_grant", failing(2, lambda: busy))
        told = await found(*command, status=1)
    assert told["status"] == "open"
    assert len(told["ended"]["grants"]) == 2
    (name,) = told["left"]
    assert told["left"][name] == "Somebody else keeps changing the same thing."
    assert any(text.startswith("sessions: 1 in force") for text in told["not_ended"])
    done = await found(*command)
    assert (done["incident"], done["status"], done["left"]) == (told["incident"], "closed", {})
    assert sorted(done["ended"]["grants"]) == sorted(story["grants"])


@pytest.mark.parametrize("kind", ["sessions", "grants"])
async def test_what_cannot_be_read_goes_on_by_name(
    server: RunningServer, store: ReadBack, story: dict[str, Any], kind: str
) -> None:
    """A272: what has an event that this version cannot read counts as in force, cannot be ended, and is named; all else
    ends."""
    asked = ("--account", server.subject)
    name = (await found(*asked))["ids"][kind][0]
    stream = {"sessions": session_stream, "grants": grant_stream}[kind](DEFAULT_TENANT, name)
    if kind == "sessions":
        await end_one(store, DEFAULT_TENANT, name, "logout")
    version = (await store.read_stream(stream)).version
    unknown = NewEvent(f"{kind[:-1]}.from_the_future.v1", b"{}")
    await store.append(Append((StreamAppend(stream, version, (unknown,)),), b"{}"))
    assert touched(await found(*asked), kind)[1] == len((await found(*asked))["ids"][kind])
    told = await found(*asked, "--revoke", "--yes", *CAUSE, status=1)
    assert told["status"] == "open"
    assert list(told["left"]) == [f"{kind} {name}"]
    assert "cannot read" in told["left"][f"{kind} {name}"]
    assert told["counts"]["grants"] == (3 if kind == "sessions" else 2)


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_long_incident_costs_no_more_per_thing(store: ReadBack) -> None:
    """A272: what was noted before is not gone through again for each batch."""
    things = tuple(Thing(f"grant-{number}", in_force=True) for number in range(5_000))
    seen = Radius(1, 2, {"keys": (), "sessions": (), "grants": things}, {}, {})
    cause = incidents.Cause("ticket 4711", {"client_id": "web"})
    begun = await incidents.begin_incident(store, DEFAULT_TENANT, cause, seen)
    assert isinstance(begun, str)

    async def end(_grant_id: str, _reason: str) -> bool:
        return True

    began = process_time()
    done = await incidents.end_all(store, DEFAULT_TENANT, begun, seen, {"grants": end})
    assert process_time() - began < 4
    assert isinstance(done, Incident)
    assert done.counts == {"grants": 5_000}
