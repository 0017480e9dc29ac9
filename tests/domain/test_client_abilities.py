"""What a registered client may use, by its registration and its profile."""

import msgspec
import pytest

from domain.client import client as rules
from domain.client.client import Client
from domain.client.events import ClientRegistered
from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.registration import lifecycle as registration
from domain.registration.lifecycle import RegisterClient
from tests.domain.client_samples import BOTH, FAPI, NOW, SERVICE, WEB, changed, registered


def test_what_a_client_may_use() -> None:
    """Only what is registered; a response type's words have no order (A016, A017)."""
    client = registered()
    assert rules.may_use_grant(client, "refresh_token")
    assert not rules.may_use_grant(client, "client_credentials")
    assert rules.response_type_refusal(client, "code") is None
    assert rules.response_type_refusal(client, "token") is not None
    hybrid = registered(changed(**BOTH))
    assert rules.response_type_refusal(hybrid, "id_token code") is None
    assert rules.response_type_refusal(hybrid, "code") is not None
    assert rules.response_mode_refusal(client, "code", "form_post") is None
    in_query = registered(changed(response_modes=("query",)))
    assert rules.response_mode_refusal(in_query, "code", "form_post") is not None


@pytest.mark.parametrize(
    ("profile", "response_type", "mode", "allowed"),
    [
        ("oidc", "code", "query", True),
        ("oidc", "code", "jwt", True),
        ("oidc", "code id_token", "fragment", True),
        ("oidc", "code id_token", "query", False),
        ("oidc", "code id_token", "query.jwt", False),
        ("oidc", "code id_token", "form_post", True),
        ("fapi1-advanced", "code id_token", "fragment", True),
        ("fapi1-advanced", "code id_token", "query", False),
        ("fapi1-advanced", "code", "query", False),
        ("fapi1-advanced", "code", "form_post", False),
        ("fapi1-advanced", "code", "jwt", True),
        ("fapi1-advanced", "code", "query.jwt", True),
        ("fapi2-security", "code", "query", True),
        ("fapi2-security", "code", "jwt", True),
        ("fapi2-message-signing", "code", "query", False),
        ("fapi2-message-signing", "code", "form_post.jwt", True),
    ],
)
def test_in_which_mode_a_profile_is_answered(
    profile: str, response_type: str, mode: str, allowed: bool
) -> None:
    """FAPI 1 Advanced §5.2.2 item 2, FAPI 2 Message Signing §5.4: where a signed response is demanded nothing else is
    sent; tokens are in no query (OAuth MRT §3, JARM §2.3.1)."""
    client = Client("c", ClientMetadata(profile=profile, response_types=(response_type,)))
    assert (rules.response_mode_refusal(client, response_type, mode) is None) is allowed


def test_what_no_registration_could_allow_is_the_fault_of_the_request() -> None:
    """``fapi1-advanced-final-ensure-response-mode-query``, ``fapi1-advanced-final-ensure-response-type-code-fails``: a
    client whose registered modes are those of JARM is not told to register another."""
    metadata = ClientMetadata(profile="fapi1-advanced", response_types=("code",), response_modes=("jwt",))
    refusal = rules.response_mode_refusal(Client("c", metadata), "code", "query")
    assert refusal is not None
    assert refusal.error == "invalid_request"


@pytest.mark.parametrize(
    ("profile", "response_types", "response_modes", "allowed"),
    [
        ("fapi1-advanced", ("code id_token",), (), True),
        ("fapi1-advanced", ("code", "code id_token"), ("jwt",), True),
        ("fapi1-advanced", ("code",), ("query",), False),
        ("fapi1-advanced", ("id_token",), (), False),
        ("fapi1-advanced", ("code id_token token",), (), False),
        ("fapi2-security", ("code id_token",), (), False),
        ("fapi2-security", ("none",), (), False),
        ("fapi2-message-signing", ("code",), ("form_post",), False),
        ("fapi2-message-signing", ("code",), ("query.jwt", "query"), True),
        ("oauth21", ("id_token",), (), False),
    ],
)
def test_the_response_types_of_a_profile(
    profile: str, response_types: tuple[str, ...], response_modes: tuple[str, ...], allowed: bool
) -> None:
    """``fapi2-security-profile-final-ensure-response-type-code-idtoken-fails``, ``-token-fails``: what the profile has
    not cannot be registered; where it demands JARM, a mode of JARM can be used."""
    words = {word for response_type in response_types for word in response_type.split(" ")}
    grant_types = (
        *(("authorization_code",) if "code" in words else ()),
        *(("implicit",) if words & {"id_token", "token"} else ()),
    )
    base = WEB if profile == "oauth21" else FAPI
    metadata = msgspec.structs.replace(
        base, profile=profile, response_types=response_types, response_modes=response_modes,
        grant_types=grant_types,
    )  # fmt: skip
    answer = registration.decide_register(rules.NO_CLIENT, RegisterClient("c", metadata), NOW).answer
    assert isinstance(answer, Client) is allowed, answer


def test_what_signs_a_clients_responses() -> None:
    """JARM §3: RS256 when nothing is registered, unless the profile forbids it: then as its ID tokens are signed."""
    assert Client("c", WEB).response_algorithm == "RS256"
    assert Client("c", changed(authorization_signed_response_alg="EdDSA")).response_algorithm == "EdDSA"
    assert Client("c", FAPI).response_algorithm == "PS256"


def test_who_may_leave_out_the_redirect_uri() -> None:
    """One registered URI, and a profile that does not want it always (A012)."""
    assert rules.may_omit_redirect_uri(registered())
    assert not rules.may_omit_redirect_uri(registered(FAPI))
    two = changed(redirect_uris=("https://shop.example/cb", "https://shop.example/cb2"))
    assert not rules.may_omit_redirect_uri(registered(two))


def test_refresh_tokens() -> None:
    """Rotation for all but bound confidential clients (decisions.md 5)."""
    assert rules.rotates_refresh_tokens(registered())
    assert not rules.rotates_refresh_tokens(registered(FAPI))


@pytest.mark.parametrize("profile", PROFILES)
def test_no_profile_is_given_less_than_it_promises(profile: str) -> None:
    """A client that must push its requests or bind its tokens is refused where that is not offered."""
    client = Client("client", ClientMetadata(profile=profile))
    is_fapi = profile.startswith("fapi")
    assert (rules.cannot_be_served(client, ()) is not None) is is_fapi
    assert (rules.cannot_be_served(client, {"dpop"}) is not None) is is_fapi
    assert rules.cannot_be_served(client, {"pushed_requests", "request_objects", "mtls"}) is None


@pytest.mark.parametrize(
    ("row", "metadata", "issued_to", "audience", "allowed"),
    [
        ("its own token", SERVICE, "rs", ("https://api.example",), True),
        ("A131 another's", SERVICE, "other", ("https://api.example",), False),
        ("may ask for is not is", changed(may_introspect=True), "other", ("https://api.example",), False),
        (
            "meant for its resource",
            changed(may_introspect=True, protected_resources=("https://api.example",)),
            "other",
            ("https://api.example", "https://op"),
            True,
        ),
        ("meant for its id", changed(may_introspect=True), "other", ("rs",), True),
        ("not a resource server", SERVICE, "other", ("rs",), False),
        ("A130 public", changed(token_endpoint_auth_method="none"), "rs", ("rs",), False),
    ],
)
def test_introspection(
    row: str, metadata: ClientMetadata, issued_to: str, audience: tuple[str, ...], allowed: bool
) -> None:
    """A member of the audience or the client of the token, and never a public client (decisions.md 24)."""
    assert rules.may_introspect(Client("rs", metadata), issued_to, audience) is allowed, row


def test_assertion_algorithms() -> None:
    """The registered algorithm alone, else any of the profile's; never a symmetric one, never none."""
    assert registered(FAPI).assertion_algorithms == {"PS256", "ES256", "EdDSA", "Ed25519"}
    own = registered(msgspec.structs.replace(FAPI, token_endpoint_auth_signing_alg="ES256"))
    assert own.assertion_algorithms == {"ES256"}


def test_profiles_keep_codes_short() -> None:
    """A code lives 60 seconds at most, a grace too, in each profile (A036, A050, decisions.md 6)."""
    assert all(profile.code_lifetime <= 60 for profile in PROFILES.values())
    assert all(profile.longest_refresh_grace_seconds <= 60 for profile in PROFILES.values())
    assert all(name == profile.name for name, profile in PROFILES.items())


def test_a_client_of_an_old_log_keeps_its_one_method() -> None:
    """A078: events of before name the default by leaving it out. They still mean client_secret_basic alone."""
    old = rules.fold((ClientRegistered("shop", {"redirect_uris": ["https://rp.example/cb"]}, NOW),))
    assert old.authentication_methods == ("client_secret_basic",)
    new = {"redirect_uris": ["https://rp.example/cb"], "either_secret_method": True}
    registered_since = rules.fold((ClientRegistered("shop", new, NOW),))
    assert registered_since.authentication_methods == ("client_secret_basic", "client_secret_post")


@pytest.mark.parametrize("profile", PROFILES)
def test_two_methods_only_where_the_profile_has_both(profile: str) -> None:
    """A078: a profile that forbids secrets forbids both ways to send them, whatever the client says."""
    allowed = PROFILES[profile].client_auth_methods
    for method in allowed:
        client = Client(
            metadata=ClientMetadata(
                profile=profile, token_endpoint_auth_method=method, either_secret_method=True
            )
        )
        both = method in rules.SENT_SECRET_METHODS
        assert set(client.authentication_methods) == ({*rules.SENT_SECRET_METHODS} if both else {method})
        assert set(client.authentication_methods) <= set(allowed)
