"""Whom a token is for (A039, decisions.md 24)."""

import pytest

from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.client.resource import audience_for, is_resource
from domain.errors import Refusal

ISSUER = "https://op.example"
API = "https://api.example/v1"
OTHER = "urn:example:other"
CLIENT = Client("c", ClientMetadata(audiences=(API, OTHER)))
WITH_DEFAULT = Client("c", ClientMetadata(audiences=(API, OTHER), default_audience=OTHER))
EMPTY = Client("c", ClientMetadata())


@pytest.mark.parametrize(
    ("row", "client", "requested", "scope", "audience"),
    [
        ("nothing asked for: the issuer", CLIENT, (), ("read",), (ISSUER,)),
        ("the default audience", WITH_DEFAULT, (), ("read",), (OTHER,)),
        ("the default audience and userinfo", WITH_DEFAULT, (), ("openid",), (OTHER, ISSUER)),
        ("asked for", CLIENT, (API,), ("read",), (API,)),
        ("asked for goes before the default", WITH_DEFAULT, (API,), ("read",), (API,)),
        ("asked for and userinfo", CLIENT, (API, OTHER), ("openid",), (API, OTHER, ISSUER)),
        ("each once", CLIENT, (API, API), (), (API,)),
        ("the issuer itself", EMPTY, (ISSUER,), ("openid",), (ISSUER,)),
    ],
)
def test_the_audience(
    row: str, client: Client, requested: tuple[str, ...], scope: tuple[str, ...], audience: tuple[str, ...]
) -> None:
    """Requested, else default, else issuer; and the issuer with openid (decisions.md 24)."""
    assert audience_for(client, requested, scope, ISSUER) == audience, row


@pytest.mark.parametrize(
    ("client", "resource"),
    [
        (CLIENT, "https://evil.example"),
        (CLIENT, API + "/"),
        (CLIENT, API.upper()),
        (CLIENT, API + "#fragment"),
        (CLIENT, "/v1"),
        (CLIENT, "api"),
        (CLIENT, ""),
        (EMPTY, API),
    ],
)
def test_what_is_not_allowed_is_invalid_target(client: Client, resource: str) -> None:
    """Fragment, relative, unknown, and everything for an empty allow-list (A039)."""
    refusal = audience_for(client, (resource,), (), ISSUER)
    assert isinstance(refusal, Refusal)
    assert refusal.error == "invalid_target"


def test_one_bad_resource_spoils_the_request() -> None:
    """A good resource beside a bad one does not slip the bad one through (A039)."""
    assert isinstance(audience_for(CLIENT, (API, "https://evil.example"), (), ISSUER), Refusal)


@pytest.mark.parametrize(
    "value", ["https://a/\n", "https://a b", "https://é", "https:", "https://a/%zz", "a" * 3000]
)
def test_no_uri_no_resource(value: str) -> None:
    """Only characters of RFC 3986, and a length that a log line bears."""
    assert not is_resource(value)
