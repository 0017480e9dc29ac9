"""RFC 7592: a client reads, replaces and ends its own registration."""

from typing import Any

import msgspec
import pytest

from authrim.clients.records import create_client, disable_client, update_client
from authrim.clients.registration_tokens import new_registration_access_token
from authrim.store.contract import Store
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, redeem
from tests.support.log import whole_log
from tests.support.registration import (
    MINIMAL,
    as_known,
    call,
    initial_token,
    manage,
    register,
    registered,
)
from tests.support.running import RunningServer, running_server

#: Members of the answer that an update may not send back (RFC 7592 §2.2).
SERVERS = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


def without(client: dict[str, Any], *names: str) -> dict[str, Any]:
    """What the client sends back of what it was told."""
    return {name: value for name, value in client.items() if name not in {*SERVERS, *names}}


async def test_reading_tells_what_registering_told(server: RunningServer) -> None:
    """RFC 7592 §2.1; oidcc-3rd_party-init-login reads initiate_login_uri. The secret itself is not kept."""
    client = await registered(
        server, initiate_login_uri="https://rp.example/login", contacts=["a@rp.example"]
    )
    answer = await manage(server, client)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.body == {name: value for name, value in client.items() if name != "client_secret"}


async def test_an_update_replaces_everything(server: RunningServer) -> None:
    """RFC 7592 §2.2: what is left out is gone, or back at its default; the secret stays the one that it was."""
    client = await registered(server, client_name="Shop", contacts=["a@rp.example"], default_max_age=60)
    update = {
        "client_id": client["client_id"], "client_secret": client["client_secret"],
        "redirect_uris": ["https://rp.example/cb"], "client_uri": "https://rp.example/",
    }  # fmt: skip
    answer = await manage(server, client, "PUT", update)
    assert answer.status == 200
    assert not {"client_name", "contacts", "default_max_age"} & answer.body.keys()
    assert answer.body["client_uri"] == "https://rp.example/"
    assert answer.body["client_secret"] == client["client_secret"]
    again = await manage(server, answer.body)
    assert again.body == {name: value for name, value in answer.body.items() if name != "client_secret"}


async def test_what_is_read_can_be_sent_back(server: RunningServer) -> None:
    """A client reads, changes one member and writes; no event says that anything changed when nothing did."""
    client = await registered(server, client_name="Shop", **{"client_name#de": "Laden"})
    before = (await whole_log(server)).count("client.updated")
    answer = await manage(server, client, "PUT", without(client))
    assert answer.status == 200
    assert without(answer.body) == without(client)
    assert (await whole_log(server)).count("client.updated") == before


async def test_the_token_rotates(server: RunningServer) -> None:
    """RFC 7592 §2.2, A203: each update gives out the next registration access token; the one before is no good."""
    client = await registered(server)
    updated = (await manage(server, client, "PUT", without(client))).body
    assert updated["registration_access_token"] != client["registration_access_token"]
    assert (await manage(server, client)).error == (401, "invalid_token")
    assert (await manage(server, updated)).status == 200


async def test_the_token_stays_where_the_setting_says_so(store: Store) -> None:
    """registration_token_rotation off: a client that loses an answer is not locked out."""
    async with running_server(store, registration_token_rotation=False) as server:
        client = await registered(server)
        updated = (await manage(server, client, "PUT", without(client))).body
        assert updated["registration_access_token"] == client["registration_access_token"]
        assert (await manage(server, client)).status == 200


@pytest.mark.parametrize("name", SERVERS)
async def test_the_servers_members_may_not_be_sent(server: RunningServer, name: str) -> None:
    """RFC 7592 §2.2: MUST NOT include the members that only the server says."""
    client = await registered(server)
    update = without(client) | {name: client[name]}
    assert (await manage(server, client, "PUT", update)).error == (400, "invalid_request")
    assert (await manage(server, client)).status == 200


async def test_the_client_id_must_be_sent(server: RunningServer) -> None:
    """RFC 7592 §2.2: client_id is in the update, and is this client's."""
    client, other = await registered(server), await registered(server)
    for update in (without(client, "client_id"), without(client) | {"client_id": other["client_id"]}):
        assert (await manage(server, client, "PUT", update)).error == (400, "invalid_request")


@pytest.mark.parametrize("secret", ["a-secret-of-my-own", "", 1])
async def test_a_secret_cannot_be_chosen(server: RunningServer, secret: Any) -> None:
    """RFC 7592 §2.2: client_secret must be the one that is registered."""
    client = await registered(server)
    answer = await manage(server, client, "PUT", without(client) | {"client_secret": secret})
    assert answer.error == (400, "invalid_client_metadata")


async def test_a_client_that_turns_to_a_secret_gets_one(server: RunningServer) -> None:
    """Made by the server, told once; and a client that turns away from it has none any more."""
    client = await registered(server, token_endpoint_auth_method="none")
    confidential = (
        await manage(
            server, client, "PUT", without(client) | {"token_endpoint_auth_method": "client_secret_basic"}
        )
    ).body
    assert len(confidential["client_secret"]) == 43
    public = without(confidential, "client_secret") | {"token_endpoint_auth_method": "none"}
    assert "client_secret" not in (await manage(server, confidential, "PUT", public)).body


async def test_what_is_registered_ends(server: RunningServer, browser: Browser) -> None:
    """RFC 7592 §2.3: 204, and everything of the client is over: its tokens, its secret, its token here."""
    client = await registered(server, grant_types=["authorization_code", "refresh_token"])
    tokens = await browser.code_flow(as_known(client), scope="openid offline_access", prompt="consent")
    assert (await manage(server, client, "DELETE")).status == 204
    assert (await manage(server, client)).error == (401, "invalid_token")
    userinfo = await call(server, "GET", server.url("/userinfo"), tokens["access_token"])
    assert userinfo.error == (401, "invalid_token")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await server.post("/token", form, as_known(client).basic))[0] == 401


async def test_a_new_address_ends_what_was_agreed_to(server: RunningServer, browser: Browser) -> None:
    """A206: a client that takes up another redirect URI is asked for again, and its codes on the way are worthless."""
    client = await registered(server)
    await browser.code_flow(as_known(client))
    shown, verifier = await browser.authorize(as_known(client))
    code = shown.parameters["code"]  # agreed to before, so nobody was asked
    update = without(client) | {"redirect_uris": ["https://rp.example/cb", "https://evil.example/cb"]}
    updated = (await manage(server, client, "PUT", update)).body
    status, answer = await redeem(server, as_known(client), code, verifier)
    assert (status, answer["error"]) == (400, "invalid_grant")
    shown, _ = await browser.authorize(as_known(updated))
    assert "/consent/" in shown.url
    assert '"consents_void":true' in await whole_log(server)


async def test_what_is_only_taken_away_ends_nothing(server: RunningServer, browser: Browser) -> None:
    """A206: a new name, or one address less, is no reason to ask again; a code to that address is worthless (F31)."""
    client = await registered(server, redirect_uris=["https://rp.example/cb", "https://rp.example/other"])
    await browser.code_flow(as_known(client))
    other = as_known(client | {"redirect_uris": ["https://rp.example/other"]})
    shown, verifier = await browser.authorize(other)
    update = without(client) | {"redirect_uris": ["https://rp.example/cb"], "client_name": "New"}
    assert (await manage(server, client, "PUT", update)).status == 200
    status, answer = await redeem(server, other, shown.parameters["code"], verifier)
    assert (status, answer["error"]) == (400, "invalid_grant")
    shown, _ = await browser.authorize(as_known(client))
    assert "code" in shown.parameters


async def test_what_an_administrator_allowed_is_kept(server: RunningServer) -> None:
    """A202: an update by the client neither loses nor gains what only an administrator sets."""
    client = await registered(server)
    await update_client(
        server.core.store, DEFAULT_TENANT, client["client_id"],
        {"scope": ("openid", "orders"), "profile": "oauth21", "skip_consent": True},
    )  # fmt: skip
    updated = await manage(server, client, "PUT", without(client, "scope", "client_secret"))
    assert updated.body["scope"] == "openid orders"
    found = await server.core.configuration.client(DEFAULT_TENANT, client["client_id"])
    assert found is not None
    assert (found.metadata.profile, found.metadata.skip_consent) == ("oauth21", True)
    wider = without(updated.body, "client_secret") | {"scope": "openid orders admin"}
    assert (await manage(server, updated.body, "PUT", wider)).error == (400, "invalid_client_metadata")


async def test_the_rules_of_its_token_judge_each_update(server: RunningServer) -> None:
    """A202: a token that limits to openid and authorization_code limits what the client makes of itself forever."""
    token = await initial_token(server, scope=("openid",), grant_types=("authorization_code",))
    client = (await register(server, MINIMAL, token)).body
    assert client["scope"] == "openid"
    for more in (
        {"scope": "openid email"},
        {"grant_types": ["authorization_code", "refresh_token"]},
        {"grant_types": ["implicit"], "response_types": ["id_token"]},
    ):
        answer = await manage(server, client, "PUT", without(client) | more)
        assert answer.error == (400, "invalid_client_metadata"), more
    answer = await manage(server, client, "PUT", without(client, "scope", "grant_types", "client_secret"))
    assert (answer.body["scope"], answer.body["grant_types"]) == ("openid", ["authorization_code"])


async def test_an_administrators_client_stays_what_it_was_made(server: RunningServer) -> None:
    """A202: first-party, pairwise, PAR-only, DPoP-bound, scope openid: a PUT that leaves all of it out changes none of
    it, one that asks for less of it is refused, and consent is skipped for what was seen alone."""
    store = server.core.store
    made = await create_client(
        store, DEFAULT_TENANT,
        ClientMetadata(
            redirect_uris=("https://rp.example/cb",), scope=("openid",), subject_type="pairwise", skip_consent=True,
            require_pushed_authorization_requests=True, dpop_bound_access_tokens=True,
        ),
    )  # fmt: skip
    assert not isinstance(made, Refusal)
    given = await new_registration_access_token(store, DEFAULT_TENANT, made.client.client_id)
    assert not isinstance(given, Refusal)
    assert given[1] is not None
    url = server.url(f"/register/{made.client.client_id}")
    least = {"client_id": made.client.client_id, "redirect_uris": ["https://rp.example/cb"]}
    for less in (
        {"scope": "openid profile email address phone offline_access"},
        {"token_endpoint_auth_method": "none"},
        {"grant_types": ["authorization_code", "refresh_token"]},
        {"subject_type": "public"},
        {"require_pushed_authorization_requests": False},
        {"dpop_bound_access_tokens": False},
    ):
        answer = await call(server, "PUT", url, given[1], least | less)
        assert answer.error == (400, "invalid_client_metadata"), less
    answer = await call(server, "PUT", url, given[1], least | {"client_name": "New"})
    assert answer.status == 200
    found = await server.core.configuration.client(DEFAULT_TENANT, made.client.client_id)
    assert found is not None
    expected = msgspec.structs.replace(made.client.metadata, client_name="New")
    assert found.metadata == expected


async def test_a_disabled_client_may_not_manage_itself(server: RunningServer) -> None:
    """RFC 7592 §2.1: 403 for a client that has no permission any more, by its own good token."""
    client = await registered(server)
    await disable_client(server.core.store, DEFAULT_TENANT, client["client_id"], "test")
    for method, document in (("GET", None), ("PUT", without(client)), ("DELETE", None)):
        assert (await manage(server, client, method, document)).error == (403, "access_denied")


async def test_an_administrator_helps_who_lost_the_token(server: RunningServer) -> None:
    """The new token manages the client, the one before does not; an administrator's own client can have one too."""
    client, static = await registered(server), await server.client()
    given = await new_registration_access_token(server.core.store, DEFAULT_TENANT, client["client_id"])
    assert not isinstance(given, Refusal)
    assert (await manage(server, client)).status == 401
    assert (await manage(server, client | {"registration_access_token": given[1]})).status == 200
    given = await new_registration_access_token(server.core.store, DEFAULT_TENANT, static.client_id)
    assert not isinstance(given, Refusal)
    read = await call(server, "GET", server.url(f"/register/{static.client_id}"), given[1])
    assert (read.status, read.body["client_name"]) == (200, "Web")


async def test_updates_are_counted(store: Store) -> None:
    """A201: each update is learned by every server process, so one client may not send them without end."""
    async with running_server(store, registration_updates_per_minute=2) as server:
        client = await registered(server)
        for _ in range(2):
            client = (await manage(server, client, "PUT", without(client))).body
        answer = await manage(server, client, "PUT", without(client))
        assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
        assert (await manage(server, client)).status == 200


async def test_a_refused_update_changes_nothing(server: RunningServer) -> None:
    """A202: neither metadata nor token nor log moves when the whole client would not be allowed."""
    client = await registered(server)
    log = await whole_log(server)
    for bad in ({"redirect_uris": ["https://*.example/cb"]}, {"skip_consent": True}, {"scope": "admin"}):
        assert (await manage(server, client, "PUT", without(client) | bad)).status == 400
    assert [line for line in (await whole_log(server)).splitlines() if ":client:" in line] == [
        line for line in log.splitlines() if ":client:" in line
    ]
    assert (await manage(server, client)).status == 200


async def test_a_second_registration_is_another_client(server: RunningServer) -> None:
    """RFC 7591 §3.2.1: a client id is never given out twice, whatever is asked for."""
    client = await registered(server)
    other = await registered(server, client_id=client["client_id"], client_secret="chosen")
    assert other["client_id"] != client["client_id"]
    assert other["client_secret"] != "chosen"
    assert (await register(server, None)).status == 401
