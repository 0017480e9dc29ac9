"""A grant at each point of its life, and the facts to decide on it: what the tests of grants are given."""

from typing import Any

import msgspec

from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.decision import Decision
from domain.errors import Refusal
from domain.event import Event
from domain.grant.code import RedeemCode
from domain.grant.events import (
    AuthorizationRequested,
    CodeIssued,
    CodeRedeemed,
    ConsentGranted,
    RefreshTokenIssued,
    SubjectAuthenticated,
)
from domain.grant.grant import Grant, fold
from domain.grant.issue import IssueFacts
from domain.liveness import ACTIVE, Liveness
from domain.vocabulary import pkce

NOW = 1_700_000_000
ISSUER = "https://id.example"
API = "https://api.example"
FILES = "https://files.example"
CALLBACK = "https://shop.example/cb"
VERIFIER = "v" * 43
SCOPE = ("openid", "email", "offline_access")
CODE_LIFETIME = 60
REFRESH_LIFETIME = 86400

METADATA = ClientMetadata(
    redirect_uris=(CALLBACK,),
    grant_types=("authorization_code", "refresh_token"),
    scope=("openid", "profile", "email", "offline_access", "read"),
    audiences=(API, FILES),
)
SHOP = Client("shop", METADATA, ACTIVE)
LIVE = Liveness(ACTIVE, ACTIVE, ACTIVE, needs_account=True, needs_session=True)

REQUESTED = AuthorizationRequested(
    client_id="shop",
    redirect_uri=CALLBACK,
    response_type="code",
    response_mode="query",
    scope=SCOPE,
    requested_at=NOW - 30,
    expires_at=NOW + 570,
    code_challenge=pkce.s256(VERIFIER),
    nonce="n",
)
AUTHENTICATED = SubjectAuthenticated("person", "session", NOW - 20, "pwd-acr", ("pwd",))
AGREED = ConsentGranted(SCOPE)
CODE = CodeIssued("code-hash", NOW, NOW + CODE_LIFETIME, "shop", "session")
REDEEMED = CodeRedeemed("client_secret_basic", NOW)
FIRST_REFRESH = RefreshTokenIssued(1, "refresh-1", "hmac-1", NOW, NOW + REFRESH_LIFETIME)

WITH_CODE: tuple[Event, ...] = (REQUESTED, AUTHENTICATED, AGREED, CODE)
WITH_REFRESH: tuple[Event, ...] = (*WITH_CODE, REDEEMED, FIRST_REFRESH)


def requested(**fields: Any) -> AuthorizationRequested:
    """The request, changed."""
    return msgspec.structs.replace(REQUESTED, **fields)


def client(**metadata: Any) -> Client:
    """The client, registered otherwise."""
    return Client("shop", msgspec.structs.replace(METADATA, **metadata), ACTIVE)


def with_code(request: AuthorizationRequested = REQUESTED) -> Grant:
    """A grant whose code is out."""
    return fold((request, AUTHENTICATED, ConsentGranted(request.scope), CODE))


def redemption(**fields: Any) -> RedeemCode:
    """The right redemption of the code by its own client, changed. ``code_verifier``: what the client sends."""
    verifier = fields.pop("code_verifier", VERIFIER)
    challenge = None if verifier is None else pkce.challenge_of(verifier)
    right = RedeemCode("shop", "code-hash", CALLBACK, challenge, (), "client_secret_basic")
    return msgspec.structs.replace(right, **fields)


def facts(now: int = NOW, **fields: Any) -> IssueFacts:
    """What the shell knows at ``now``, changed."""
    usual = IssueFacts(
        now=now,
        issuer=ISSUER,
        client=SHOP,
        liveness=LIVE,
        token_id=f"token-{now}",
        refresh_hash="refresh-next",
        hmac_key_id="hmac-1",
        access_token_lifetime=600,
        id_token_lifetime=3600,
        refresh_token_lifetime=REFRESH_LIFETIME,
        id_token_kid="kid",
        opaque_token_id=f"opaque-{now}",
        signing_kids={"RS256": "kid-rs", "ES256": "kid-es", "PS256": "kid-ps"},
    )
    return msgspec.structs.replace(usual, **fields)


def refused(decision: Decision[Any]) -> Refusal:
    """The refusal that the decision is."""
    assert isinstance(decision.answer, Refusal), decision.answer
    return decision.answer


def kinds(decision: Decision[Any]) -> list[str]:
    """The names of the decision's events, in order."""
    return [type(event).__name__ for event in decision.events]
