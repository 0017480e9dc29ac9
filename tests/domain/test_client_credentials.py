"""A client on its own behalf gets what its registration allows, and nothing from an empty allow-list."""

from typing import Any

import msgspec
import pytest

from domain.decision import Decision
from domain.grant.client_credentials import (
    PERSONAL_SCOPES,
    GrantClientCredentials,
    decide_client_credentials,
)
from domain.grant.events import ClientCredentialsGranted
from domain.grant.grant import fold
from domain.grant.issue import IssuedTokens
from domain.liveness import Liveness
from tests.domain.grant_samples import API, FILES, ISSUER, NOW, client, facts, kinds, refused

SERVICE = {"grant_types": ("client_credentials",), "scope": ("read", "write"), "audiences": (API,)}
ACTIVE = Liveness("active")


def ask(
    registered: dict[str, Any] | None = None, liveness: Liveness = ACTIVE, **fields: Any
) -> Decision[IssuedTokens]:
    """The client asks, with ``registered`` changed in its registration and ``fields`` in its request."""
    usual = GrantClientCredentials("shop", None, (), "private_key_jwt", "key")
    its_own = client(**{**SERVICE, **(registered or {})})
    return decide_client_credentials(
        msgspec.structs.replace(usual, **fields), facts(client=its_own, liveness=liveness)
    )


def test_a_token_of_its_own() -> None:
    """RFC 6749 §4.4: one short grant, one access token, no person, no ID token, no refresh token."""
    decision = ask()
    assert kinds(decision) == ["ClientCredentialsGranted", "AccessTokenIssued"]
    assert isinstance(decision.answer, IssuedTokens)
    token = decision.answer.access_token
    assert (token.scope, token.audience, token.subject) == (("read", "write"), (ISSUER,), None)
    assert (decision.answer.id_token, decision.answer.refresh_generation) == (None, None)
    granted = decision.events[0]
    assert isinstance(granted, ClientCredentialsGranted)
    assert (granted.client_auth_method, granted.client_key_id, granted.granted_at) == (
        "private_key_jwt", "key", NOW,
    )  # fmt: skip
    assert fold(decision.events).client_id == "shop"


@pytest.mark.parametrize("allowed", [(), ("openid", "email"), tuple(PERSONAL_SCOPES)])
@pytest.mark.parametrize("asked", [None, ("read",), ("openid",)])
def test_an_empty_allow_list_grants_nothing(allowed: tuple[str, ...], asked: tuple[str, ...] | None) -> None:
    """Neither by default nor by name; scopes that speak of a person do not count (OIDC Core §11)."""
    decision = ask({"scope": allowed}, scope=asked)
    assert (refused(decision).error, decision.events) == ("invalid_scope", ())


@pytest.mark.parametrize(
    ("asked", "scope"),
    [
        (("read",), ("read",)),
        (("write", "read"), ("write", "read")),
        (("read", "admin"), None),
        (("openid",), None),
        (("offline_access",), None),
    ],
)
def test_scope_within_the_registration(asked: tuple[str, ...], scope: tuple[str, ...] | None) -> None:
    """What is asked for by name is given when it is allowed, else ``invalid_scope``; never a part of it."""
    decision = ask({"scope": ("read", "write", "openid", "offline_access")}, scope=asked)
    if scope is None:
        assert (refused(decision).error, decision.events) == ("invalid_scope", ())
    else:
        assert isinstance(decision.answer, IssuedTokens)
        assert decision.answer.access_token.scope == scope


@pytest.mark.parametrize(
    ("registered", "asked", "audience"),
    [
        ({}, (API,), (API,)),
        ({"default_audience": API}, (), (API,)),
        ({"audiences": (API, FILES)}, (API, FILES), (API, FILES)),
        ({}, (FILES,), None),
        ({"audiences": ()}, (API,), None),
        ({}, ("relative",), None),
        ({}, (API + "#fragment",), None),
    ],
)
def test_audience_within_the_registration(
    registered: dict[str, Any], asked: tuple[str, ...], audience: tuple[str, ...] | None
) -> None:
    """RFC 8707 §2, A039: an empty list of audiences allows no resource but the issuer itself."""
    decision = ask(registered, resource=asked)
    if audience is None:
        assert (refused(decision).error, decision.events) == ("invalid_target", ())
    else:
        assert isinstance(decision.answer, IssuedTokens)
        assert decision.answer.access_token.audience == audience


def test_a_public_client_has_no_credentials() -> None:
    """RFC 6749 §4.4: only a client that can prove who it is."""
    decision = ask(client_auth_method="none")
    assert (refused(decision).error, decision.events) == ("unauthorized_client", ())


@pytest.mark.parametrize("status", ["disabled", "deleted", None])
def test_a_client_that_is_not_active(status: str | None) -> None:
    """A147: the client's standing is asked on this grant type too."""
    decision = ask(liveness=Liveness(status))
    assert (refused(decision).reason, decision.events) == ("client_not_active", ())
