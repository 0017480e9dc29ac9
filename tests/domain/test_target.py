"""For whom an access token is made, and in which form (RFC 8707 §2.2, RFC 9068 §2, §3, §5)."""

from typing import Any

import msgspec
import pytest

from domain.client.claim_mapping import ClaimMapping
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.client.resource import audience_for
from domain.errors import Refusal
from domain.grant.target import Target, TokenForm, target_of
from domain.resource.resource import ACTIVE, RETIRED, Resource, Resources, ResourceSettings

ISSUER = "https://op.example"
API = "https://api.example/"
FILES = "https://files.example/"
CLIENT = Client("c", ClientMetadata(audiences=(API, FILES)))
SCOPE = ("openid", "email", "read", "files")


def registered(uri: str = API, **settings: Any) -> Resources:
    return {uri: Resource(uri, ResourceSettings(**settings), ACTIVE)}


def target(
    audience: tuple[str, ...], resources: Resources, scope: tuple[str, ...] = SCOPE, client: Client = CLIENT
) -> Target:
    found = target_of(client, audience, scope, resources, ISSUER)
    assert isinstance(found, Target), found
    return found


def refused(audience: tuple[str, ...], resources: Resources, scope: tuple[str, ...] = SCOPE) -> str:
    found = target_of(CLIENT, audience, scope, resources, ISSUER)
    assert isinstance(found, Refusal), found
    return found.error


def test_what_is_encrypted_is_a_jwt() -> None:
    """RFC 9068 §6: a client with opaque tokens gets a JWT where its tokens are encrypted to the resource server."""
    opaque = Client("c", ClientMetadata(audiences=(API,), access_token_format="opaque"))
    resources = registered(access_token_encryption_alg="ECDH-ES")
    assert target((API,), resources, client=opaque).form == TokenForm("jwt", "at+jwt", "RS256", API)


def test_a_scope_that_releases_a_mapped_claim_is_understood() -> None:
    """What a client maps for a resource server that names no claims itself is told there, so its scope stays."""
    mapping = ClaimMapping("groups", places=("access_token",), audiences=(API,))
    client = Client("c", ClientMetadata(audiences=(API, FILES), claim_mapping=(mapping,)))
    resources = registered(scope=("read",))
    assert target((API,), resources, ("read", "groups", "files"), client).scope == ("read", "groups")
    assert target((API,), resources, ("read", "groups")).scope == ("read",)


@pytest.mark.parametrize("audience", [(ISSUER,), (API,), (API, ISSUER), (API, FILES)])
def test_an_audience_that_nobody_registered_gets_tokens_as_the_client_has_them(
    audience: tuple[str, ...],
) -> None:
    """Clients and logs from before resource servers were registered behave as before: decisions.md 24."""
    form = TokenForm("jwt", "at+jwt", "RS256")
    assert target(audience, {}) == Target(audience, SCOPE, form, None)
    assert target(audience, registered("https://else.example/", access_token_typ="JWT")).form == form


@pytest.mark.parametrize(
    ("settings", "form"),
    [
        ({}, TokenForm("jwt", "at+jwt", "RS256")),
        ({"access_token_typ": "JWT"}, TokenForm("jwt", "JWT", "RS256")),
        ({"access_token_format": "opaque"}, TokenForm("opaque", "at+jwt", "RS256")),
        ({"access_token_signing_alg": "ES256"}, TokenForm("jwt", "at+jwt", "ES256")),
        ({"access_token_encryption_alg": "ECDH-ES"}, TokenForm("jwt", "at+jwt", "RS256", API)),
    ],
)
def test_each_setting_decides_the_form(settings: dict[str, Any], form: TokenForm) -> None:
    """What the resource server says goes before what the client says, with userinfo in the audience or without."""
    for audience in ((API,), (API, ISSUER)):
        assert target(audience, registered(**settings)).form == form


def test_the_resource_server_wins_over_the_format_of_the_client() -> None:
    """A client of opaque tokens gets a JWT for a resource server that wants JWTs."""
    metadata = msgspec.structs.replace(CLIENT.metadata, access_token_format="opaque")
    opaque = Client("c", metadata)
    assert target((API,), registered(access_token_format="jwt"), client=opaque).form.format == "jwt"
    assert target((API,), registered(), client=opaque).form.format == "opaque"


@pytest.mark.parametrize(
    ("row", "audience", "understood", "left"),
    [
        ("nothing named: all", (API,), (), SCOPE),
        ("its own", (API,), ("read", "write"), ("read",)),
        ("and what userinfo answers", (API, ISSUER), ("read",), ("openid", "email", "read")),
        ("one that nobody registered understands all", (API, FILES), ("read",), SCOPE),
    ],
)
def test_the_scope_is_what_the_audience_understands(
    row: str, audience: tuple[str, ...], understood: tuple[str, ...], left: tuple[str, ...]
) -> None:
    """A252, RFC 9068 §2.2.3: a scope that means something elsewhere is not in the token."""
    assert target(audience, registered(scope=understood)).scope == left, row


def test_two_resource_servers_of_one_form_understand_what_either_names() -> None:
    """RFC 8707 §2.2: a token for both holds the scope of both and nothing else."""
    both = {**registered(API, scope=("read",)), **registered(FILES, scope=("files",))}
    assert target((API, FILES), both).scope == ("read", "files")


def test_a_scope_that_the_resource_does_not_know_at_all_is_refused() -> None:
    """A252: a token that allows nothing is no answer; invalid_scope names what was asked for."""
    assert refused((API,), registered(scope=("write",)), ("read", "files")) == "invalid_scope"


@pytest.mark.parametrize(
    "settings",
    [
        {"access_token_typ": "JWT"},
        {"access_token_format": "opaque"},
        {"access_token_signing_alg": "ES256"},
        {"access_token_encryption_alg": "ECDH-ES"},
    ],
)
def test_resources_of_different_forms_get_no_token_together(settings: dict[str, Any]) -> None:
    """A251: what is made for one resource server is not read by another."""
    for others in ({}, registered(FILES)):
        assert refused((API, FILES), {**registered(API, **settings), **others}) == "invalid_target"


def test_two_encrypted_resources_get_no_token_together() -> None:
    """A251: a token is encrypted to one key, so the other resource server could not read it."""
    encrypted = {"access_token_encryption_alg": "ECDH-ES"}
    both = {**registered(API, **encrypted), **registered(FILES, **encrypted)}
    assert refused((API, FILES), both) == "invalid_target"


def test_the_lifetime_is_the_shortest() -> None:
    """A client that is held short stays short, and of two resource servers the shorter one counts."""
    long, short = registered(API, access_token_lifetime=900), registered(FILES, access_token_lifetime=60)
    held_short = Client("c", msgspec.structs.replace(CLIENT.metadata, access_token_lifetime=30))
    assert target((API,), long).lifetime == 900
    assert target((API, FILES), {**long, **short}).lifetime == 60
    assert target((API,), long, client=held_short).lifetime == 30
    assert target((API,), registered(), client=held_short).lifetime is None


def test_a_profile_is_not_given_up_for_a_resource_server() -> None:
    """FAPI 2 §5.4.1: no RS256 for such a client, whatever the resource server would take."""
    metadata = ClientMetadata(profile="fapi2-security", access_token_signing_alg="PS256", audiences=(API,))
    found = target_of(
        Client("c", metadata), (API,), ("read",), registered(access_token_signing_alg="RS256"), ISSUER
    )
    assert isinstance(found, Refusal)
    assert found.error == "invalid_target"


@pytest.mark.parametrize("status", [ACTIVE, RETIRED])
def test_a_retired_resource_server_has_no_tokens(status: str) -> None:
    """Neither by name, nor as a default of the client or of the grant (A253)."""
    resources = {API: Resource(API, ResourceSettings(), status)}
    by_default = Client("c", ClientMetadata(audiences=(API,), default_audience=API))
    for found in (
        audience_for(CLIENT, (API,), (), ISSUER, resources=resources),
        audience_for(by_default, (), (), ISSUER, resources=resources),
        audience_for(CLIENT, (), (), ISSUER, API, resources),
    ):
        assert isinstance(found, Refusal) is (status == RETIRED)


def test_any_client_may_ask_where_the_resource_server_says_so() -> None:
    """Clients that register themselves list no audiences; a listed resource server stays closed to them (A039)."""
    stranger = Client("d", ClientMetadata())
    assert isinstance(audience_for(stranger, (API,), (), ISSUER, resources=registered()), Refusal)
    assert audience_for(stranger, (API,), (), ISSUER, resources=registered(any_client=True)) == (API,)


def test_a_scope_that_releases_a_claim_of_the_resource_is_understood() -> None:
    """A254: it stays in the token, or the claim that the resource server names could never be told."""
    resources = registered(scope=("read",), claims=("groups",))
    assert target((API,), resources, ("read", "groups", "email")).scope == ("read", "groups")
