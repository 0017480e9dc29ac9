"""Who is the client? One method, the registered one, at every endpoint of the back channel.

The rules are in docs/rules/attacks/client-authentication.md.
"""

import base64
import secrets
from collections import OrderedDict
from typing import Any

import pytest
from multidict import CIMultiDict

from authrim.clients.authentication import authenticate as client_auth
from authrim.clients.authentication.authenticate import FAILURES_A_MINUTE
from authrim.clients.records import disable_client, rotate_secret
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.assertion import (
    ASSERTION_TYPE,
    assertion_client,
    assertion_form,
    claims_for,
    new_key,
    signed,
)
from tests.support.running import KnownClient, RunningServer

ENDPOINTS = ["/token", "/introspect", "/revoke"]

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


def form_for(path: str, **more: str) -> dict[str, str]:
    """A request that is valid but for who makes it."""
    asked = {"grant_type": "client_credentials"} if path == "/token" else {"token": "some-token"}
    return asked | more


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def assert_accepted(server: RunningServer, client: KnownClient) -> None:
    status, answer = await server.post("/token", {"grant_type": "client_credentials"}, client.basic)
    assert status == 200, answer


@only_sqlite
@pytest.mark.parametrize("path", ENDPOINTS)
async def test_two_methods_at_once_are_refused(server: RunningServer, path: str) -> None:
    """A077: two ways of authentication in one request are invalid_request, even when each would do."""
    service = await server.client("service")
    secret = {"client_id": service.client_id, "client_secret": service.secret or ""}
    assertion = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "a.b.c"}
    twice = CIMultiDict([*service.basic.items(), *service.basic.items()])
    for form, headers in (
        (form_for(path, **secret), service.basic),
        (form_for(path, **assertion), service.basic),
        (form_for(path, client_assertion_type=ASSERTION_TYPE), service.basic),
        (form_for(path, **secret, **assertion), None),
        (form_for(path), twice),
    ):
        status, answer = await server.post(path, form, headers)
        assert (status, answer["error"]) == (400, "invalid_request")
    await assert_accepted(server, service)


@only_sqlite
@pytest.mark.parametrize("path", ENDPOINTS)
async def test_only_the_registered_method_is_taken(server: RunningServer, path: str) -> None:
    """A078, A099: the right secret by another method, or none at all, does not authenticate a client."""
    by_header = await server.client("service")
    by_form = await server.client("form", kind="service", token_endpoint_auth_method="client_secret_post")
    by_key = await assertion_client(server, new_key())
    in_form = {"client_id": by_header.client_id, "client_secret": by_header.secret or ""}
    for form, headers in (
        (form_for(path, **in_form), None),
        (form_for(path, client_id=by_header.client_id), None),
        (form_for(path), by_form.basic),
        (form_for(path, client_id=by_form.client_id), None),
        (form_for(path, client_id=by_key.client_id), None),
        (form_for(path, client_id=by_key.client_id, client_secret="guess"), None),
        (form_for(path), basic(by_key.client_id, "")),
    ):
        status, answer = await server.post(path, form, headers)
        assert (status, answer["error"]) == (401, "invalid_client")


@only_sqlite
async def test_a_signed_assertion_does_not_stand_in_for_a_secret(server: RunningServer) -> None:
    """A078: a client that is registered with a secret cannot be spoken for by an assertion."""
    service = await server.client("service")
    forged = signed(new_key(), claims_for(server, service))
    status, answer = await server.post("/token", assertion_form(forged))
    assert (status, answer["error"]) == (401, "invalid_client")


@only_sqlite
async def test_a_public_client_that_sends_a_secret_is_refused(server: RunningServer) -> None:
    """A099: a client registered with ``none`` that presents a secret is not what it says it is."""
    spa = await server.client("spa")
    form = form_for("/token", grant_type="refresh_token", refresh_token="x", client_id=spa.client_id)
    for extra, headers in (
        ({"client_secret": "x"}, None),
        ({}, basic(spa.client_id, "")),
        ({}, basic(spa.client_id, "x")),
    ):
        status, answer = await server.post("/token", form | extra, headers)
        assert (status, answer["error"]) == (401, "invalid_client")


@only_sqlite
async def test_an_unknown_client_is_answered_like_a_wrong_secret(server: RunningServer) -> None:
    """A080: nobody learns from the answer which clients there are."""
    service = await server.client("service")
    answers = []
    for user in (service.client_id, "no-such-client"):
        async with server.http.post(
            server.url("/token"), data=form_for("/token"), headers=basic(user, "wrong")
        ) as answer:
            named = {
                name: value
                for name, value in answer.headers.items()
                if name not in ("Authrim-Error-Id", "Date")
            }
            answers.append((answer.status, named, await answer.json()))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    assert answers[0][1]["WWW-Authenticate"].startswith("Basic ")


async def test_who_guesses_secrets_has_to_wait(server: RunningServer) -> None:
    """A080: after so many wrong secrets even the right one is answered 429, and other clients are not."""
    service = await server.client("service")
    for _ in range(FAILURES_A_MINUTE + 1):
        status, _ = await server.post("/token", form_for("/token"), basic(service.client_id, "wrong"))
        assert status == 401
    async with server.http.post(
        server.url("/token"), data=form_for("/token"), headers=service.basic
    ) as answer:
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) > 0
    await assert_accepted(server, await server.client("other", kind="service"))


@only_sqlite
async def test_many_sources_do_not_set_a_guesser_free(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A080: when too many sources wait, the oldest is let go, and not all of them."""
    monkeypatch.setattr(client_auth, "MOST_WAITING", 2)

    async def fail(client_id: str, times: int = FAILURES_A_MINUTE + 1) -> None:
        for _ in range(times):
            await server.post("/token", form_for("/token"), basic(client_id, "wrong"))

    async def waits(client_id: str) -> bool:
        status, _ = await server.post("/token", form_for("/token"), basic(client_id, "wrong"))
        return status == 429

    service = await server.client("service")
    for client_id in ("guess-1", service.client_id, "guess-2"):
        await fail(client_id)
    assert await waits(service.client_id)
    assert await waits("guess-2")
    assert not await waits("guess-1")
    assert [await waits(client_id) for client_id in ("guess-1", "guess-2")] == [True, True]
    assert not await waits(service.client_id)


@pytest.mark.parametrize("later", [0.0, 61.0])
def test_waiting_sources_are_kept_in_bounds(monkeypatch: pytest.MonkeyPatch, later: float) -> None:
    """A080: sources whose minute is over are forgotten, then the oldest; who fails again is the newest."""
    waiting: OrderedDict[str, float] = OrderedDict()
    monkeypatch.setattr(client_auth, "_waiting", waiting)
    monkeypatch.setattr(client_auth, "MOST_WAITING", 3)
    for source in ("a", "b", "c", "a"):
        client_auth._keep_waiting(source, 1000.0)
    client_auth._keep_waiting("d", 1000.0 + later)
    assert list(waiting) == (["d"] if later else ["c", "a", "d"])


@only_sqlite
async def test_a_replaced_secret_is_refused_when_its_time_is_over(server: RunningServer) -> None:
    """A081: the secret before a rotation works for the overlap that was given, and not a request longer."""
    service = await server.client("service")
    store = server.core.store
    rotated = await rotate_secret(store, DEFAULT_TENANT, service.client_id, overlap_seconds=60)
    assert not isinstance(rotated, Refusal)
    await server.core.configuration.catch_up()
    await assert_accepted(server, service)
    newest = await rotate_secret(store, DEFAULT_TENANT, service.client_id, overlap_seconds=0)
    assert not isinstance(newest, Refusal)
    await server.core.configuration.catch_up()
    for secret, expected in ((service.secret, 401), (rotated.secret, 401), (newest.secret, 200)):
        status, _ = await server.post("/token", form_for("/token"), basic(service.client_id, secret or ""))
        assert status == expected


@only_sqlite
@pytest.mark.parametrize("path", ENDPOINTS)
async def test_a_disabled_client_is_nobody(server: RunningServer, path: str) -> None:
    """A147: a client that was disabled does not authenticate, at any endpoint."""
    service = await server.client("service")
    disabled = await disable_client(server.core.store, DEFAULT_TENANT, service.client_id, "test")
    assert not isinstance(disabled, Refusal)
    await server.core.configuration.catch_up()
    status, answer = await server.post(path, form_for(path), service.basic)
    assert (status, answer["error"]) == (401, "invalid_client")


MALFORMED = {
    "another scheme": "Bearer abc",
    "no credentials": "Basic",
    "not base64": "Basic ?????",
    "no colon": "Basic " + base64.b64encode(b"client").decode(),
    "no user": "Basic " + base64.b64encode(b":secret").decode(),
    "not UTF-8": "Basic " + base64.b64encode(b"\xff\xfe:secret").decode(),
    "half an escape": "Basic " + base64.b64encode(b"client%4:secret").decode(),
    "U+0000": "Basic " + base64.b64encode(b"client%00:secret").decode(),
    "another alphabet": "Basic YS1fOmIt_w==",
}


@only_sqlite
@pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_header_is_no_client(server: RunningServer, header: str) -> None:
    """A077: credentials that cannot be read are invalid_client with a challenge, never an error of the server."""
    async with server.http.post(
        server.url("/token"), data=form_for("/token"), headers={"Authorization": header}
    ) as answer:
        assert answer.status == 401
        assert (await answer.json())["error"] == "invalid_client"
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@only_sqlite
async def test_the_client_id_beside_the_header_must_be_the_same(server: RunningServer) -> None:
    """A082: a request that authenticates one client and names another is refused."""
    service, other = await server.client("service"), await server.client("other", kind="service")
    status, _ = await server.post("/token", form_for("/token", client_id=service.client_id), service.basic)
    assert status == 200
    status, answer = await server.post("/token", form_for("/token", client_id=other.client_id), service.basic)
    assert (status, answer["error"]) == (401, "invalid_client")


HOSTILE: dict[str, Any] = {
    "long": secrets.token_hex(20_000),
    "SQL": "'; DROP TABLE events; --",
    "another tenant": "default:other",
    "beyond the plane": "\U0001f600",
    "a path": "../../etc/passwd",
}


@pytest.mark.parametrize("client_id", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_client_id_is_unknown(server: RunningServer, client_id: str) -> None:
    """A080: whatever stands in client_id is looked for and not found, on both stores."""
    for headers, form in (
        (None, form_for("/token", client_id=client_id, client_secret="x")),
        (None, form_for("/token", client_id=client_id)),
    ):
        status, answer = await server.post("/token", form, headers)
        assert (status, answer["error"]) == (401, "invalid_client")
