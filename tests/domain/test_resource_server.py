"""A resource server: registered, changed, retired, and registered again."""

from typing import Any

import pytest

from domain.errors import Refusal
from domain.registration.resource_server import (
    ResourceTerms,
    client_id_refusal,
    decide_create,
    decide_retire,
    decide_update,
)
from domain.resource.events import ResourceCreated, ResourceRetired, ResourceUpdated
from domain.resource.resource import ACTIVE, NO_RESOURCE, RETIRED, Resource, ResourceSettings, fold

URI = "https://api.example/"
TERMS = ResourceTerms("https://op.example", ("RS256", "ES256"))
CREATED = ResourceCreated(URI, {"scope": ("read",)}, 10)
UPDATED = ResourceUpdated({"access_token_typ": "JWT"}, 20)
GONE = ResourceRetired("administrator", 30)
JWKS: dict[str, Any] = {"keys": [{"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ", "use": "enc"}]}
ENCRYPTED = {"access_token_encryption_alg": "ECDH-ES", "jwks": JWKS}


def create(
    uri: str = URI, given: Resource = NO_RESOURCE, terms: ResourceTerms = TERMS, **settings: Any
) -> Any:
    return decide_create(given, uri, ResourceSettings(**settings), terms, 10)


def test_created_updated_retired() -> None:
    """Given the events so far, each command appends its own, and the state is their fold."""
    created = create(scope=("read",))
    assert created.events == (CREATED,)
    assert created.answer == Resource(URI, ResourceSettings(scope=("read",)), ACTIVE, 10)
    updated = decide_update(fold([CREATED]), ResourceSettings(access_token_typ="JWT"), TERMS, 20)
    assert updated.events == (UPDATED,)
    retired = decide_retire(fold([CREATED, UPDATED]), "administrator", 30)
    assert retired.events == (GONE,)
    assert fold([CREATED, UPDATED, GONE]).status == RETIRED


def test_what_changes_nothing_is_no_event() -> None:
    """The same settings again, and a second retirement, say nothing new."""
    assert decide_update(fold([CREATED]), ResourceSettings(scope=("read",)), TERMS, 20).events == ()
    assert decide_retire(fold([CREATED, GONE]), "again", 40).events == ()


def test_a_retired_one_can_be_registered_again() -> None:
    """With new settings: nothing of before is left."""
    again = create(given=fold([CREATED, GONE]), access_token_typ="JWT")
    assert again.answer == Resource(URI, ResourceSettings(access_token_typ="JWT"), ACTIVE, 10)


def test_what_is_not_there_is_refused() -> None:
    """Twice the same URI, and updates of what is unknown or retired."""
    refused = (
        create(given=fold([CREATED])),
        decide_update(NO_RESOURCE, ResourceSettings(), TERMS, 20),
        decide_update(fold([CREATED, GONE]), ResourceSettings(), TERMS, 20),
        decide_retire(NO_RESOURCE, "administrator", 30),
    )
    assert all(isinstance(decision.answer, Refusal) and not decision.events for decision in refused)


@pytest.mark.parametrize(
    "uri", ["api", "/api", "https://a#b", "", "https://op.example", "https://op.example/userinfo"]
)
def test_a_resource_server_has_a_uri_of_its_own(uri: str) -> None:
    """RFC 8707 §2: absolute, without fragment, and never one of this server's own."""
    assert isinstance(create(uri).answer, Refusal)


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("access_token_typ", {"access_token_typ": "at+JWT"}),
        ("access_token_format", {"access_token_format": "saml"}),
        ("access_token_format", {"access_token_format": "opaque", "access_token_typ": "JWT"}),
        ("access_token_format", {"access_token_format": "opaque", "access_token_signing_alg": "ES256"}),
        ("access_token_signing_alg", {"access_token_signing_alg": "PS256"}),
        ("access_token_signing_alg", {"access_token_signing_alg": "none"}),
        ("access_token_lifetime", {"access_token_lifetime": 0}),
        ("access_token_lifetime", {"access_token_lifetime": 86_401}),
        ("scope", {"scope": ("a b",)}),
        ("scope", {"scope": ("x" * 1025,)}),
        ("name", {"name": "a\n"}),
        ("access_token_encryption_alg", {"access_token_encryption_alg": "RSA1_5", "jwks": JWKS}),
        ("access_token_encryption_alg", {"access_token_encryption_alg": "ECDH-ES"}),
        ("access_token_encryption_alg", {**ENCRYPTED, "access_token_format": "opaque"}),
        ("access_token_encryption_enc", {"access_token_encryption_enc": "A256GCM"}),
        ("access_token_encryption_enc", {**ENCRYPTED, "access_token_encryption_enc": "A1"}),
        ("jwks", {"jwks": JWKS, "jwks_uri": "https://api.example/jwks"}),
        ("jwks", {"jwks": {"keys": [{"kty": "EC", "d": "x"}]}}),
        ("jwks_uri", {"jwks_uri": "http://api.example/jwks"}),
        ("introspection_clients", {"introspection_clients": tuple(map(str, range(65)))}),
    ],
)
def test_a_setting_that_cannot_be_met_is_refused(field: str, settings: dict[str, Any]) -> None:
    """Refused with the name of the setting and a hint, when it is created and when it is updated alike."""
    for decision in (
        create(**settings),
        decide_update(fold([CREATED]), ResourceSettings(**settings), TERMS, 20),
    ):
        refusal = decision.answer
        assert isinstance(refusal, Refusal)
        assert refusal.error == "invalid_request"
        assert refusal.description.startswith(field), refusal.description
        assert refusal.hint
        assert decision.events == ()


def test_an_introspection_client_must_authenticate() -> None:
    """A130: a client that is unknown or public proves nothing."""
    terms = ResourceTerms(TERMS.issuer, TERMS.algorithms, unfit_clients=("spa",))
    refusal = create(terms=terms, introspection_clients=("spa",)).answer
    assert isinstance(refusal, Refusal)
    assert "spa" in refusal.description


def test_a_claim_must_be_known() -> None:
    """A name that nobody defined would be told to nobody, or one day to somebody who did not expect it."""
    terms = ResourceTerms(TERMS.issuer, TERMS.algorithms, unknown_claims=("shoe_size",))
    refusal = create(terms=terms, claims=("shoe_size",)).answer
    assert isinstance(refusal, Refusal)
    assert "shoe_size" in refusal.description
    assert "claim define" in refusal.hint


def test_the_typ_of_id_tokens_is_not_for_a_uri_that_is_a_client() -> None:
    """A154: a token with that client as its audience would pass for its ID token (RFC 9068 §5)."""
    terms = ResourceTerms(TERMS.issuer, TERMS.algorithms, is_client_id=True)
    assert isinstance(create(terms=terms, access_token_typ="JWT").answer, Refusal)
    assert isinstance(create(terms=terms).answer, Resource)


def test_no_client_takes_the_uri_of_a_resource_server_with_that_typ() -> None:
    """A154: the same when the client comes later."""
    typ = {URI: Resource(URI, ResourceSettings(access_token_typ="JWT"), ACTIVE)}
    assert client_id_refusal(URI, typ) is not None
    assert client_id_refusal(URI, {URI: Resource(URI, ResourceSettings(), ACTIVE)}) is None
    assert client_id_refusal(URI, {URI: Resource(URI, typ[URI].settings, RETIRED)}) is None
    assert client_id_refusal("https://else.example/", typ) is None
