"""Authorization requests for the tests of their validation."""

from typing import Any

from domain.authorization.parameters import Parameters
from domain.authorization.request import (
    PageRefusal,
    RedirectRefusal,
    RequestFacts,
    ValidRequest,
    validate,
)
from domain.client.client import Client
from domain.vocabulary import pkce
from domain.vocabulary.response_mode import RESPONSE_MODES
from domain.vocabulary.response_type import RESPONSE_TYPES
from tests.domain.grant_samples import CALLBACK, ISSUER, NOW, VERIFIER, client

FACTS = RequestFacts(NOW, ISSUER, 600, RESPONSE_TYPES, RESPONSE_MODES, "browser")


CHALLENGE = pkce.s256(VERIFIER)


GOOD = {
    "client_id": "shop",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid email",
    "state": "st",
    "nonce": "no",
}


WEB = client()


PUBLIC = client(token_endpoint_auth_method="none")


TWO_URIS = client(redirect_uris=(CALLBACK, "https://shop.example/other"))


LOOPBACK = client(redirect_uris=("http://127.0.0.1/cb",), application_type="native")


LOOPBACK_OF_WEB = client(redirect_uris=("http://127.0.0.1/cb",))


QUERY_MODE_ONLY = client(response_modes=("query",))


WITH_QUERY = client(redirect_uris=("https://shop.example/cb?a=1&b=2",))


def ask(
    its_client: Client = WEB, changes: dict[str, str | None] | None = None, **rest: Any
) -> ValidRequest | PageRefusal | RedirectRefusal:
    """The good request with ``changes`` (None: left out)."""
    values = {name: value for name, value in {**GOOD, **(changes or {})}.items() if value is not None}
    return validate(its_client, Parameters(values, **rest), FACTS)


def challenge(value: str, method: str) -> dict[str, str | None]:
    """The parameters of PKCE."""
    return {"code_challenge": value, "code_challenge_method": method}


def accepted(outcome: ValidRequest | PageRefusal | RedirectRefusal) -> ValidRequest:
    assert isinstance(outcome, ValidRequest), outcome
    return outcome
