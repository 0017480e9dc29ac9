"""The implicit flow (OIDC Core §3.2): tokens of the front channel are tokens of a grant like any other."""

import pytest

from authrim.store import codec
from domain.grant.events import AccessTokenIssued, AuthorizationAnswered, CodeIssued, IdTokenIssued
from domain.stream import GRANT
from tests.support.accounts import add_account
from tests.support.browser import Browser, authenticated_post
from tests.support.log import whole_log
from tests.support.responses import answered, client_of, half_hash, id_token_of, userinfo
from tests.support.running import RunningServer
from tests.support.tokens import verified_claims

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def grant_of(server: RunningServer, access_token: str) -> str:
    """The stream of the grant that a JWT access token belongs to."""
    return f"default:grant:{(await verified_claims(server, access_token))['grant_id']}"


async def test_tokens_for_a_person(server: RunningServer, browser: Browser) -> None:
    """``oidcc-server`` for ``id_token token``, on both stores: the tokens hold together, work at userinfo and
    introspection, end with a revocation, and each is an event of the grant."""
    client = await client_of(server, "id_token token")
    received = await answered(browser, client, "id_token token", scope="openid email")
    access_token = received.parameters["access_token"]
    claims = await id_token_of(server, client, received)
    assert claims["at_hash"] == half_hash("ES256", access_token)
    assert claims["s_hash"] == half_hash("ES256", "a-state")
    assert "c_hash" not in claims
    assert (await userinfo(server, access_token))["email"] == "alice@example.com"
    _, introspected = await server.post("/introspect", {"token": access_token}, client.basic)
    assert (introspected["active"], introspected["sub"]) == (True, server.subject)

    stream = await server.core.store.read_stream(await grant_of(server, access_token))
    events = codec.decode_stream(GRANT, stream)
    assert [type(event) for event in events[-3:]] == [AuthorizationAnswered, AccessTokenIssued, IdTokenIssued]
    assert not any(isinstance(event, CodeIssued) for event in events)

    assert (await server.post("/revoke", {"token": access_token}, client.basic))[0] == 200
    _, introspected = await server.post("/introspect", {"token": access_token}, client.basic)
    assert introspected == {"active": False}


@one_store
async def test_an_id_token_alone(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §3.2.2.10, §5.4: no ``at_hash`` without an access token; the scope's claims are in the ID token, and
    what was asked of userinfo is not."""
    client = await client_of(server, "id_token")
    asked = '{"userinfo":{"phone_number":null},"id_token":{"nickname":null}}'
    received = await answered(browser, client, "id_token", scope="openid email", claims=asked)
    claims = await id_token_of(server, client, received)
    assert not {"at_hash", "c_hash", "phone_number"} & claims.keys()
    assert claims["email"] == "alice@example.com"
    assert claims["nickname"]
    assert claims["s_hash"] == half_hash("ES256", "a-state")


@one_store
async def test_without_a_state_there_is_no_hash_of_it(server: RunningServer, browser: Browser) -> None:
    """FAPI 1 Advanced §5.2.2.1: ``s_hash`` speaks of the state, when there is one; any text may be one."""
    client = await client_of(server, "id_token")
    received = await answered(browser, client, "id_token", state=None)
    assert set(received.parameters) == {"id_token", "session_state", "iss"}
    assert "s_hash" not in await id_token_of(server, client, received)
    received = await answered(browser, client, "id_token", state="é\u2028&=#")
    assert (await id_token_of(server, client, received))["s_hash"] == half_hash("ES256", "é\u2028&=#")


@one_store
async def test_an_opaque_access_token(server: RunningServer, browser: Browser) -> None:
    """The format of access tokens is the client's, wherever they are given out; no event holds the token."""
    client = await client_of(server, "id_token token", access_token_format="opaque")
    received = await answered(browser, client, "id_token token")
    token = received.parameters["access_token"]
    assert token.startswith("at.")
    assert (await userinfo(server, token))["sub"] == server.subject
    claims = await id_token_of(server, client, received)
    assert claims["at_hash"] == half_hash("ES256", token)
    log = await whole_log(server)
    assert token not in log
    assert received.parameters["id_token"] not in log


@one_store
async def test_a_public_client(server: RunningServer, browser: Browser) -> None:
    """A client without a secret needs no code_challenge where there is no code (RFC 7636 §4.3)."""
    client = await client_of(server, "id_token", token_endpoint_auth_method="none")
    received = await answered(browser, client, "id_token", code_challenge=None, code_challenge_method=None)
    assert set(received.parameters) == {"id_token", "state", "session_state", "iss"}


@one_store
async def test_the_front_channel_token_ends_with_the_session(server: RunningServer, browser: Browser) -> None:
    """A129: it is inactive as soon as somebody else signs in on the same browser."""
    client = await client_of(server, "id_token token")
    token = (await answered(browser, client, "id_token token")).parameters["access_token"]
    await add_account(server, "bob")
    shown, _ = await browser.authorize(
        client, response_type="id_token token", nonce="n", prompt="select_account"
    )
    await browser.sign_in(shown, "bob")
    _, introspected = await server.post("/introspect", {"token": token}, client.basic)
    assert introspected == {"active": False}


@one_store
async def test_the_token_endpoint_knows_no_implicit_grant(server: RunningServer) -> None:
    """RFC 6749 §4.2: nothing of the implicit grant happens at the token endpoint."""
    client = await client_of(server, "id_token token")
    status, answer = await authenticated_post(server, client, "/token", {"grant_type": "implicit"})
    assert (status, answer["error"]) == (400, "unsupported_grant_type")
