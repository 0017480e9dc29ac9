"""A registration without a method lets the client send its secret in the header and in the form (RFC 6749 §2.3.1)."""

from typing import Any

import pytest

from authrim.audit.timeline import why
from authrim.clients.records import create_client, update_client
from authrim.clients.registration_tokens import new_registration_access_token
from authrim.store import codec
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.grant.events import ClientCredentialsGranted
from domain.stream import DEFAULT_TENANT, GRANT
from tests.support.log import whole_log
from tests.support.registration import MINIMAL, as_known, initial_token, manage, register, registered
from tests.support.running import KnownClient, RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

REQUESTS = {
    "/token": {"grant_type": "client_credentials", "scope": "reports.read"},
    "/introspect": {"token": "some-token"},
    "/revoke": {"token": "some-token"},
    "/par": {
        "response_type": "code", "redirect_uri": "https://rp.example/cb", "scope": "openid",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
    },
}  # fmt: skip
FIELDS: dict[str, Any] = {
    "kind": "web", "grant_types": ("authorization_code", "client_credentials"), "scope": ("openid", "reports.read"),
}  # fmt: skip


def in_form(client: KnownClient) -> dict[str, str]:
    return {"client_id": client.client_id, "client_secret": client.secret or ""}


async def answers(server: RunningServer, client: KnownClient, path: str = "/introspect") -> tuple[int, int]:
    """The status of a request with the secret in the header, and of one with it in the form."""
    by_header, _ = await server.post(path, REQUESTS[path], client.basic)
    by_form, _ = await server.post(path, REQUESTS[path] | in_form(client))
    return by_header, by_form


@pytest.mark.parametrize("path", REQUESTS)
async def test_both_methods_are_taken_at_every_endpoint(server: RunningServer, path: str) -> None:
    """Of passport and of JupyterHub one sends the form and one the header: neither has to be told which."""
    client = await server.client("either", either_secret_method=True, **FIELDS)
    good = 201 if path == "/par" else 200
    assert await answers(server, client, path) == (good, good)


@pytest.mark.parametrize("path", REQUESTS)
async def test_both_at_once_are_still_two(server: RunningServer, path: str) -> None:
    """A077: a client that may use either method uses one of them in a request (RFC 6749 §2.3)."""
    client = await server.client("either", either_secret_method=True, **FIELDS)
    for form in (in_form(client), {"client_secret": client.secret or ""}, {"client_secret": "guess"}):
        status, answer = await server.post(path, REQUESTS[path] | form, client.basic)
        assert (status, answer["error"]) == (400, "invalid_request")


async def test_a_wrong_secret_is_wrong_by_either(server: RunningServer) -> None:
    """A080: a second way to send a secret is no second way around it, nor is an assertion or the name alone."""
    client = await server.client("either", either_secret_method=True, **FIELDS)
    wrong = KnownClient(client.client_id, "x" * 43, client.metadata)
    assert await answers(server, wrong) == (401, 401)
    status, _ = await server.post("/introspect", {"token": "t", "client_id": client.client_id})
    assert status == 401


async def test_the_log_names_the_method_that_was_used(server: RunningServer) -> None:
    """An auditor sees in the grant how the client authenticated, which its registration no longer says."""
    client = await server.client("either", either_secret_method=True, **FIELDS)
    assert await answers(server, client, "/token") == (200, 200)
    granted = [
        codec.decode(GRANT, event.type, event.payload)
        for event in await server.core.store.read_log(0, 1000)
        if event.type == "grant.client_credentials_granted.v1"
    ]
    used = [event.client_auth_method for event in granted if isinstance(event, ClientCredentialsGranted)]
    assert used == ["client_secret_basic", "client_secret_post"]


@pytest.mark.parametrize(
    ("method", "used"),
    [("client_secret_basic", "client_secret_post"), ("client_secret_post", "client_secret_basic")],
)
async def test_a_named_method_is_the_only_one(server: RunningServer, method: str, used: str) -> None:
    """A078: who names a method is held to it; audit why names both, the answer neither."""
    client = await server.client("named", token_endpoint_auth_method=method, **FIELDS)
    form, headers = (in_form(client), None) if used == "client_secret_post" else ({}, client.basic)
    body = REQUESTS["/introspect"] | form
    async with server.http.post(server.url("/introspect"), data=body, headers=headers) as answer:
        assert answer.status == 401
        told, error_id = await answer.text(), answer.headers["Authrim-Error-Id"]
    assert "client_secret" not in told
    explained = await why(server.core.store, error_id)
    assert explained is not None
    assert explained.in_words == f"The client authenticated with {used}, and is registered for {method}."
    assert explained.as_json()["details"] == {"used": used, "registered": method}
    assert (client.secret or "") not in await whole_log(server)


async def test_what_comes_twice_is_named_to_the_auditor(server: RunningServer) -> None:
    """A077: audit why says which methods met in one request."""
    client = await server.client("either", either_secret_method=True, **FIELDS)
    body = REQUESTS["/introspect"] | in_form(client)
    async with server.http.post(server.url("/introspect"), data=body, headers=client.basic) as answer:
        told, error_id = await answer.text(), answer.headers["Authrim-Error-Id"]
    assert "client_secret" not in told
    explained = await why(server.core.store, error_id)
    assert explained is not None
    assert "client_secret_basic and client_secret_post" in explained.in_words


async def test_a_registration_that_leaves_the_method_out(server: RunningServer) -> None:
    """RFC 7591 §2: the answer shows the default, client_secret_basic, and the form is taken too; an update that sends
    the answer back as it was, or leaves the method out again, chooses nothing (RFC 7592 §2.2)."""
    client = await registered(server)
    assert client["token_endpoint_auth_method"] == "client_secret_basic"
    assert "either_secret_method" not in client
    assert await answers(server, as_known(client)) == (200, 200)
    sent_back = {
        name: value for name, value in client.items()
        if name not in {"registration_access_token", "registration_client_uri", "client_secret_expires_at",
                        "client_id_issued_at"}
    }  # fmt: skip
    updated = (await manage(server, client, "PUT", sent_back)).body
    assert await answers(server, as_known(updated | {"client_secret": client["client_secret"]})) == (200, 200)
    del sent_back["token_endpoint_auth_method"]
    updated = (await manage(server, updated, "PUT", sent_back)).body
    assert await answers(server, as_known(updated | {"client_secret": client["client_secret"]})) == (200, 200)


@pytest.mark.parametrize(
    ("method", "expected"), [("client_secret_basic", (200, 401)), ("client_secret_post", (401, 200))]
)
async def test_a_registration_that_names_a_method(
    server: RunningServer, method: str, expected: tuple[int, int]
) -> None:
    """A078: named at registration or by an update, the method is the only one from then on."""
    client = await registered(server, token_endpoint_auth_method=method)
    assert await answers(server, as_known(client)) == expected
    other = await registered(server)
    update = MINIMAL | {"client_id": other["client_id"], "token_endpoint_auth_method": "client_secret_post"}
    updated = (await manage(server, other, "PUT", update)).body | {"client_secret": other["client_secret"]}
    assert await answers(server, as_known(updated)) == (401, 200)


async def test_no_client_says_itself_that_it_may_use_both(server: RunningServer) -> None:
    """A202: the field is the server's own. A registration that carries it is refused."""
    document = MINIMAL | {"either_secret_method": True}
    answer = await register(server, document, await initial_token(server))
    assert answer.error == (400, "invalid_client_metadata")


async def test_what_an_administrator_named_stays(server: RunningServer) -> None:
    """A202: an update by the client that leaves the method out does not take back the administrator's choice."""
    created = await create_client(
        server.core.store,
        DEFAULT_TENANT,
        ClientMetadata(redirect_uris=("https://rp.example/cb",), scope=("openid",)),
    )
    assert not isinstance(created, Refusal)
    client_id = created.client.client_id
    token = await new_registration_access_token(server.core.store, DEFAULT_TENANT, client_id)
    assert not isinstance(token, Refusal)
    managed = {
        "client_id": client_id,
        "registration_client_uri": server.url(f"/register/{client_id}"),
        "registration_access_token": token[1],
    }
    answer = await manage(server, managed, "PUT", MINIMAL | {"client_id": client_id})
    assert answer.status == 200, answer.body
    known = as_known(answer.body | {"client_secret": created.secret})
    assert await answers(server, known) == (200, 401)


async def test_what_an_administrator_named_of_a_client_that_registered_itself_stays(
    server: RunningServer,
) -> None:
    """A202: the method that it has by default may be made the only one, and its own update does not undo that."""
    client = await registered(server)
    named = {"token_endpoint_auth_method": "client_secret_basic", "either_secret_method": False}
    changed = await update_client(server.core.store, DEFAULT_TENANT, client["client_id"], named)
    assert not isinstance(changed, Refusal), changed.error_description
    await server.core.configuration.catch_up()
    answer = await manage(server, client, "PUT", MINIMAL | {"client_id": client["client_id"]})
    assert answer.status == 200, answer.body
    known = as_known(answer.body | {"client_secret": client["client_secret"]})
    assert await answers(server, known) == (200, 401)


async def test_turning_to_either_and_back(server: RunningServer) -> None:
    """A change by an administrator holds at once, both ways, and the secret stays the same."""
    client = await server.client("web")

    async def change(**fields: Any) -> tuple[int, int]:
        changed = await update_client(server.core.store, DEFAULT_TENANT, client.client_id, fields)
        assert not isinstance(changed, Refusal), changed.error_description
        assert changed.secret is None
        await server.core.configuration.catch_up()
        return await answers(server, client)

    assert await answers(server, client) == (200, 401)
    assert await change(either_secret_method=True) == (200, 200)
    assert await change(token_endpoint_auth_method="client_secret_post") == (200, 200)
    assert await change(either_secret_method=False) == (401, 200)
