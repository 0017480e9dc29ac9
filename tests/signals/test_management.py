"""A receiver manages its stream (SSF 1.0 §7, §8.1), and nobody else does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from authrim.signals import stream_endpoint
from authrim.signals.receivers import AUTHORIZATION, OWNER_KIND, owner_of
from authrim.store.contract import Store
from tests.signals.receiver import POLL, PUSH, Receiver, receiving_client
from tests.support.browser import Browser
from tests.support.log import whole_log
from tests.support.running import RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

TO = "https://receiver.example/events"


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    async with running_server(store, shared_signals=True) as running:
        yield running


@pytest.fixture
async def receiver(server: RunningServer) -> Receiver:
    return await Receiver(server, await receiving_client(server)).begin()


async def test_the_metadata(receiver: Receiver, server: RunningServer) -> None:
    """SSF §7: the members that receivers need, each an address of the issuer; RFC 9728 describes the resource too."""
    assert (receiver.metadata["issuer"], receiver.metadata["spec_version"]) == (server.issuer, "1_0")
    assert receiver.metadata["delivery_methods_supported"] == [PUSH, POLL]
    endpoints = [value for name, value in receiver.metadata.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(endpoints) == 6
    assert all(value.startswith(server.issuer) for value in endpoints)
    async with server.http.get(server.url("/.well-known/oauth-protected-resource/ssf")) as answer:
        assert (await answer.json())["scopes_supported"] == ["ssf.read", "ssf.manage"]


async def test_a_stream_from_beginning_to_end(receiver: Receiver, server: RunningServer) -> None:
    """SSF §8.1.1: created, read with and without its name, changed in part, replaced, deleted; then it is not there."""
    ask, named = receiver.ask, {"stream_id": receiver.stream_id}
    assert receiver.stream["iss"] == server.issuer
    assert receiver.stream["aud"] == receiver.client.client_id
    assert await ask("GET", "configuration_endpoint") == (200, [receiver.stream])
    assert await ask("GET", "configuration_endpoint", **named) == (200, receiver.stream)
    push = {"method": PUSH, "endpoint_url": TO}
    status, changed = await ask(
        "PATCH", "configuration_endpoint", named | {"delivery": push, "description": "mine"}
    )
    assert (status, changed["delivery"], changed["description"]) == (200, push, "mine")
    status, replaced = await ask("PUT", "configuration_endpoint", named | {"delivery": {"method": POLL}})
    assert (status, replaced) == (200, receiver.stream)
    assert (await ask("POST", "configuration_endpoint", {}))[0] == 409
    assert (await ask("DELETE", "configuration_endpoint", **named))[0] == 204
    for method in ("GET", "DELETE"):
        assert (await ask(method, "configuration_endpoint", **named))[0] == 404
    assert await ask("GET", "configuration_endpoint") == (200, [])
    status, again = await ask("POST", "configuration_endpoint", {})
    assert status == 201
    assert again["stream_id"] != receiver.stream_id


async def test_a208_the_stream_of_another(receiver: Receiver, server: RunningServer) -> None:
    """A208: a receiver that names the stream of another gets the answer of one that does not exist, at every endpoint,
    and the stream stays as it is."""
    other = await Receiver(server, await receiving_client(server, "other")).begin()
    named: dict[str, Any] = {"stream_id": receiver.stream_id}
    subject = {"subject": {"format": "iss_sub", "iss": server.issuer, "sub": "x"}}
    for method, endpoint, body, query in (
        ("GET", "configuration_endpoint", None, named),
        ("DELETE", "configuration_endpoint", None, named),
        ("PATCH", "configuration_endpoint", named, {}),
        ("PUT", "configuration_endpoint", named, {}),
        ("GET", "status_endpoint", None, named),
        ("POST", "status_endpoint", named | {"status": "disabled"}, {}),
        ("POST", "add_subject_endpoint", named | subject, {}),
        ("POST", "remove_subject_endpoint", named | subject, {}),
        ("POST", "verification_endpoint", named, {}),
        ("POST", receiver.stream["delivery"]["endpoint_url"], {"returnImmediately": True}, {}),
    ):
        assert (await other.ask(method, endpoint, body, **query))[0] == 404, (method, endpoint)
    assert await receiver.ask("GET", "configuration_endpoint") == (200, [receiver.stream])
    assert (await receiver.ask("GET", "status_endpoint", **named))[1]["status"] == "enabled"


async def test_a298_only_with_a_token_for_it(
    receiver: Receiver, server: RunningServer, browser: Browser
) -> None:
    """A298: without a token, with one of no use, with one of a person, and with one that may read a change is refused;
    one that may read reads."""
    of_person = await browser.code_flow(receiver.client, scope="openid ssf.manage")
    reading = await receiver.new_token("ssf.read")
    for token, reads, changes in (
        ("x", 401, 401),
        (of_person["access_token"], 403, 403),
        (reading, 200, 403),
    ):
        receiver.token = str(token)
        assert (await receiver.ask("GET", "configuration_endpoint"))[0] == reads
        body = {"stream_id": receiver.stream_id, "description": "x"}
        assert (await receiver.ask("PATCH", "configuration_endpoint", body))[0] == changes


@pytest.mark.parametrize(
    "body",
    [
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"delivery": {"method": "urn:ietf:rfc:9999"}},
        {"delivery": {"method": PUSH}},
        {"delivery": {"method": PUSH, "endpoint_url": "http://receiver.example/"}},
        {"delivery": {"method": PUSH, "endpoint_url": "https://10.0.0.1/"}},
        {"delivery": {"method": PUSH, "endpoint_url": "https://user:pass@receiver.example/"}},
        {"delivery": {"method": PUSH, "endpoint_url": TO, "authorization_header": "a\r\nB: c"}},
        {"events_requested": "all"},
        {"description": "x" * 201},
        {"description": "a\u0007"},
    ],
)
async def test_a_configuration_that_is_none(receiver: Receiver, body: dict[str, Any]) -> None:
    """SSF §8.1.1: what is malformed, not ours to give up, or an address that nothing may be sent to (A116) is refused,
    and nothing changes."""
    named = {"stream_id": receiver.stream_id}
    assert (await receiver.ask("PATCH", "configuration_endpoint", named | body))[0] == 400
    assert await receiver.ask("GET", "configuration_endpoint") == (200, [receiver.stream])


async def test_a299_the_header_stays_a_secret(receiver: Receiver, server: RunningServer) -> None:
    """A299: the header that a receiver wants to be sent is in no answer, no event and no row in the clear. It goes when
    the address becomes another one, unless it is given again, and with the stream."""
    named, secret = {"stream_id": receiver.stream_id}, "Bearer canary-header"
    push = {"method": PUSH, "endpoint_url": TO, "authorization_header": secret}

    async def has_header() -> bool:
        rows = await server.core.store.read_rows("sealed", "default:signal:", 10)
        return any(row["key"].endswith(":authorization") for row in rows)

    status, changed = await receiver.ask("PATCH", "configuration_endpoint", named | {"delivery": push})
    assert status == 200
    assert "canary" not in str(changed)
    assert await has_header()
    same = {"method": PUSH, "endpoint_url": TO}
    await receiver.ask("PATCH", "configuration_endpoint", named | {"delivery": same, "description": "x"})
    assert await has_header()
    other = {"method": PUSH, "endpoint_url": f"{TO}/2"}
    await receiver.ask("PATCH", "configuration_endpoint", named | {"delivery": other})
    assert not await has_header()
    await receiver.ask("PATCH", "configuration_endpoint", named | {"delivery": push})
    assert await has_header()
    assert (await receiver.ask("DELETE", "configuration_endpoint", **named))[0] == 204
    assert not await has_header()
    assert "canary" not in await whole_log(server)


@pytest.mark.parametrize(
    "patch",
    [
        {"description": "mine"},
        {"delivery": {"method": PUSH, "endpoint_url": TO}, "description": "mine"},
        {"delivery": {"method": PUSH, "endpoint_url": TO, "authorization_header": "Bearer first"}},
    ],
)
async def test_a299_a_header_stays_with_its_address(
    receiver: Receiver, server: RunningServer, monkeypatch: pytest.MonkeyPatch, patch: dict[str, Any]
) -> None:
    """A299: a change that is overtaken by another one is decided on what that one left: the header of one address is
    never sent to another."""
    named = {"stream_id": receiver.stream_id}
    headers = {TO: "Bearer first", f"{TO}/2": "Bearer second"}
    first, second = (
        {"method": PUSH, "endpoint_url": url, "authorization_header": header}
        for url, header in headers.items()
    )
    await receiver.ask("PATCH", "configuration_endpoint", named | {"delivery": first})
    _overtaken_by(monkeypatch, receiver, "PUT", named | {"delivery": second})
    assert (await receiver.ask("PATCH", "configuration_endpoint", named | patch))[0] == 200
    (stream,) = (await receiver.ask("GET", "configuration_endpoint"))[1]
    sent = await _header(server, receiver)
    assert sent in (None, headers[stream["delivery"]["endpoint_url"]])


async def test_a299_nothing_is_left_of_a_stream_that_was_deleted_meanwhile(
    receiver: Receiver, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A299, SSF §8.1.1.5: a change that is overtaken by the end of its stream changes nothing and keeps no header."""
    named = {"stream_id": receiver.stream_id}
    push = {"method": PUSH, "endpoint_url": TO, "authorization_header": "Bearer first"}
    _overtaken_by(monkeypatch, receiver, "DELETE", None, **named)
    assert (await receiver.ask("PATCH", "configuration_endpoint", named | {"delivery": push}))[0] == 404
    assert await _header(server, receiver) is None
    assert await receiver.ask("GET", "configuration_endpoint") == (200, [])


def _overtaken_by(
    monkeypatch: pytest.MonkeyPatch,
    receiver: Receiver,
    method: str,
    body: dict[str, Any] | None,
    **query: str,
) -> None:
    """Another request of the receiver is answered while the next one has read its stream and appended nothing yet."""
    rows, once = stream_endpoint._rows, [True]

    async def overtaken(*of: Any) -> Any:
        made = await rows(*of)
        if once:
            once.clear()
            assert (await receiver.ask(method, "configuration_endpoint", body, **query))[0] in (200, 204)
        return made

    monkeypatch.setattr(stream_endpoint, "_rows", overtaken)


async def _header(server: RunningServer, receiver: Receiver) -> str | None:
    owner = owner_of(receiver.client.client_id)
    kept = await server.core.private.open("default", OWNER_KIND, owner, AUTHORIZATION)
    return None if kept is None else kept.decode()


async def test_not_too_often(receiver: Receiver, server: RunningServer) -> None:
    """SSF §8.1.4: a verification comes no sooner than the stream's configuration says, and changes have a limit too."""
    body = {"stream_id": receiver.stream_id}
    assert (await receiver.ask("POST", "verification_endpoint", body))[0] == 204
    assert (await receiver.ask("POST", "verification_endpoint", body))[0] == 429
    answers = [(await receiver.ask("PATCH", "configuration_endpoint", body))[0] for _ in range(120)]
    assert answers[0] == 200
    assert answers[-1] == 429


async def test_off_unless_switched_on(store: Store) -> None:
    """Without the setting there is no transmitter."""
    async with (
        running_server(store) as server,
        server.http.get(server.url("/.well-known/ssf-configuration")) as answer,
    ):
        assert answer.status == 404
