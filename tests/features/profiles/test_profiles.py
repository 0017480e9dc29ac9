"""What a client's profile demands is kept, or the client is not served (decisions.md 5, 18)."""

import pytest

from authrim.store.contract import Store
from tests.support.assertion import assertion_form, claims_for, new_key, public_jwks, signed
from tests.support.browser import Browser
from tests.support.running import KnownClient, RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KEY = new_key()


async def client_of(server: RunningServer, profile: str) -> KnownClient:
    """A client with a key, of that profile, for every grant."""
    return await server.client(
        "profiled",
        kind="web",
        profile=profile,
        token_endpoint_auth_method="private_key_jwt",
        jwks=public_jwks(KEY),
        grant_types=("authorization_code", "refresh_token", "client_credentials"),
        scope=("openid", "reports.read"),
    )


@pytest.mark.parametrize("off", [("pushed_requests",)])
async def test_a_profile_that_cannot_be_kept_gets_nothing(store: Store, off: tuple[str, ...]) -> None:
    """A client whose profile demands what is switched off gets no token and no code, least of all a bearer token."""
    async with running_server(store, features_off=off) as server:
        client = await client_of(server, "fapi2-security")
        for grant_type in ("client_credentials", "authorization_code", "refresh_token"):
            form = assertion_form(signed(KEY, claims_for(server, client)), grant_type=grant_type, code="x")
            status, answer = await server.post("/token", form)
            assert (status, answer["error"]) == (400, "unauthorized_client")
            assert "profile" in answer["error_description"]
        shown, _ = await Browser(server).authorize(client)
        assert "error" in shown.parameters


@pytest.mark.parametrize("profile", ["oidc", "oauth21"])
async def test_a_profile_that_can_be_kept_is_served(server: RunningServer, profile: str) -> None:
    """The refusals above are not refusals of everybody."""
    client = await client_of(server, profile)
    form = assertion_form(signed(KEY, claims_for(server, client)))
    assert (await server.post("/token", form))[0] == 200
