"""Redirect URIs by plain http, which an administrator may allow a client of an intranet (OIDC Core §3.1.2.1)."""

from typing import Any

import msgspec
import pytest

from authrim.clients.records import update_client
from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.client.profile_defaults import defaults_of
from domain.errors import Refusal
from domain.registration.judgement import ADMINISTRATORS, judged
from domain.registration.signing import default_algorithms
from domain.stream import DEFAULT_TENANT
from tests.support.assertion import new_key, public_jwks
from tests.support.browser import Browser, redeem
from tests.support.registration import MINIMAL, initial_token, manage, register
from tests.support.running import RunningServer

SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
INTRANET = "http://wiki.intranet/cb"
WIKI = ClientMetadata(redirect_uris=(INTRANET,), plain_http_redirect_uris=True)


def refusal_of(**changes: Any) -> Refusal | None:
    answer = judged(msgspec.structs.replace(WIKI, **changes), ADMINISTRATORS)
    return answer if isinstance(answer, Refusal) else None


def test_an_administrator_may_allow_it() -> None:
    """A255: for redirect URIs and addresses after a logout alike; and without the setting for neither."""
    assert refusal_of() is None
    assert refusal_of(post_logout_redirect_uris=("http://wiki.intranet/bye",)) is None
    refused = refusal_of(plain_http_redirect_uris=False)
    assert refused is not None
    assert refused.error == "invalid_redirect_uri"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"token_endpoint_auth_method": "none"}, "plain_http_redirect_uris"),
        ({"response_types": ("id_token",), "grant_types": ("implicit",)}, "plain_http_redirect_uris"),
        (
            {"response_types": ("code", "code id_token"), "grant_types": ("authorization_code", "implicit")},
            "plain_http_redirect_uris",
        ),
        ({"client_uri": INTRANET}, "client_uri"),
        ({"logo_uri": INTRANET}, "logo_uri"),
        ({"jwks_uri": INTRANET}, "jwks_uri"),
        ({"backchannel_logout_uri": INTRANET}, "backchannel_logout_uri"),
        ({"frontchannel_logout_uri": INTRANET}, "frontchannel_logout_uri"),
        ({"sector_identifier_uri": INTRANET}, "sector_identifier_uri"),
        ({"initiate_login_uri": INTRANET}, "initiate_login_uri"),
        ({"request_uris": (INTRANET,), "jwks": public_jwks(new_key())}, "request_uris"),
    ],
)
def test_what_is_never_in_the_clear(changes: dict[str, Any], field: str) -> None:
    """A255: no public client, no token from the authorization endpoint, and no address that we ask ourselves."""
    refused = refusal_of(**changes)
    assert refused is not None
    assert field in refused.description


@pytest.mark.parametrize("profile", sorted(PROFILES.keys() - {"oidc"}))
def test_no_other_profile_has_it(profile: str) -> None:
    """A255: OAuth 2.1 §2.3 and FAPI want https for all but loopback addresses."""
    fields: dict[str, Any] = {
        **defaults_of(PROFILES[profile]), **default_algorithms(("PS256",), profile), "profile": profile,
        "jwks": public_jwks(new_key()),
    }  # fmt: skip
    refused = refusal_of(**fields)
    assert refused is not None
    assert "plain_http_redirect_uris" in refused.description


@SQLITE
async def test_no_client_allows_it_itself(server: RunningServer) -> None:
    """A202, A255: neither by naming the setting nor by naming an address, at registration and by an update; what an
    administrator allowed stays."""
    for document in ({"redirect_uris": [INTRANET]}, MINIMAL | {"plain_http_redirect_uris": True}):
        answer = await register(server, document, await initial_token(server))
        assert answer.status == 400
    client = (await register(server, MINIMAL, await initial_token(server))).body
    update = {"client_id": client["client_id"], "redirect_uris": [INTRANET]}
    assert (await manage(server, client, "PUT", update)).status == 400
    changed = await update_client(
        server.core.store, DEFAULT_TENANT, client["client_id"], {"plain_http_redirect_uris": True}
    )
    assert not isinstance(changed, Refusal)
    assert (await manage(server, client, "PUT", update)).body["redirect_uris"] == [INTRANET]


@SQLITE
async def test_a_sign_in_goes_through_with_a_warning(server: RunningServer, browser: Browser) -> None:
    """A255: the consent page says that the connection is not encrypted, in the person's language, and only there."""
    wiki = await server.client(
        "wiki", kind="web", redirect_uris=(INTRANET, "https://wiki.example/cb"), plain_http_redirect_uris=True
    )
    shown, verifier = await browser.authorize(wiki, ui_locales="de", redirect_uri=INTRANET)
    shown = await browser.sign_in(shown)
    assert "nicht verschlüsselt" in shown.body
    shown = await browser.submit(shown, action="allow")
    assert shown.location is not None
    assert shown.location.startswith(INTRANET + "?")
    assert (await redeem(server, wiki, shown.parameters["code"], verifier))[0] == 200
    shown, _ = await browser.authorize(wiki, redirect_uri="https://wiki.example/cb", prompt="consent")
    assert 'id="consent-submit"' in shown.body
    assert 'id="unencrypted"' not in shown.body


@SQLITE
async def test_it_can_be_taken_back(server: RunningServer) -> None:
    """A255: an administrator who forbids http again has to give the client other addresses."""
    wiki = await server.client("wiki", kind="web", redirect_uris=(INTRANET,), plain_http_redirect_uris=True)
    changes: dict[str, Any] = {"plain_http_redirect_uris": False}
    refused = await update_client(server.core.store, DEFAULT_TENANT, wiki.client_id, changes)
    assert isinstance(refused, Refusal)
    changes["redirect_uris"] = ("https://wiki.example/cb",)
    changed = await update_client(server.core.store, DEFAULT_TENANT, wiki.client_id, changes)
    assert not isinstance(changed, Refusal)
