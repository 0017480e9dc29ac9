"""What a client may make of itself: the rules that let it in and what an administrator set judge each later update,
without I/O (RFC 7592, A202)."""

from typing import Any

import msgspec
import pytest

from domain.client import client as clients
from domain.client.client import Client
from domain.client.events import AdmittedBy, ClientRegistered, ClientUpdated
from domain.client.metadata import ClientMetadata
from domain.decision import Decision
from domain.errors import Refusal
from domain.event import Event
from domain.registration import admission as client_admission
from domain.registration.admission import RegistrationRules
from domain.registration.bounds import RESTRICTIONS, allows_more
from domain.registration.documents import OWN
from domain.registration.dynamic import ReplaceMetadata, decide_replace
from domain.registration.judgement import Terms
from domain.registration.lifecycle import RegisterClient, decide_register, decide_update

NOW = 1_000
TODAY = RegistrationRules(
    ("openid", "email", "offline_access"), ("authorization_code", "implicit", "refresh_token")
)
REDIRECT: dict[str, Any] = {"redirect_uris": ("https://rp.example/cb",)}
KEYS = {"keys": [{"kty": "EC", "kid": "1"}]}
STRICT = ClientMetadata(
    redirect_uris=("https://rp.example/cb",),
    token_endpoint_auth_method="private_key_jwt",
    token_endpoint_auth_signing_alg="ES256",
    jwks=KEYS,
    scope=("openid",),
    subject_type="pairwise",
    response_modes=("form_post",),
    default_max_age=60,
    require_auth_time=True,
    require_pushed_authorization_requests=True,
    require_signed_request_object=True,
    dpop_bound_access_tokens=True,
    tls_client_certificate_bound_access_tokens=True,
    id_token_signed_response_alg="ES256",
    userinfo_signed_response_alg="ES256",
    id_token_encrypted_response_alg="ECDH-ES",
    skip_consent=True,
)


def by_administrator(metadata: ClientMetadata = STRICT) -> list[Event]:
    return [ClientRegistered("shop", msgspec.to_builtins(metadata), 1)]


def replaced(
    events: list[Event], fields: dict[str, Any], today: RegistrationRules = TODAY
) -> Decision[Client]:
    terms = Terms(rules=today, admission=client_admission.fold(events))
    return decide_replace(
        clients.fold(events), ReplaceMetadata({**REDIRECT, **fields}, {}, "hash"), terms, NOW
    )


def metadata_of(decision: Decision[Client]) -> ClientMetadata:
    assert not isinstance(decision.answer, Refusal), decision.answer
    return decision.answer.metadata


def test_what_an_administrator_set_does_not_fall_back() -> None:
    """A202: an update that leaves everything out changes nothing of what the administrator restricted."""
    after = metadata_of(replaced(by_administrator(), {"jwks": KEYS}))
    for name in RESTRICTIONS:
        assert getattr(after, name) == getattr(STRICT, name), name
    assert after.skip_consent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scope", ("openid", "email")),
        ("grant_types", ("authorization_code", "refresh_token")),
        ("token_endpoint_auth_method", "none"),
        ("token_endpoint_auth_method", "client_secret_basic"),
        ("application_type", "native"),
        ("subject_type", "public"),
        ("response_modes", ("form_post", "query")),
        ("response_modes", ()),
        ("default_max_age", 3600),
        ("require_auth_time", False),
        ("require_pushed_authorization_requests", False),
        ("require_signed_request_object", False),
        ("dpop_bound_access_tokens", False),
        ("tls_client_certificate_bound_access_tokens", False),
    ],
)
def test_what_an_administrator_set_is_not_loosened(name: str, value: Any) -> None:
    """A202: asked for by name it is refused, and the refusal names the field."""
    answer = replaced(by_administrator(), {"jwks": KEYS, name: value}).answer
    assert isinstance(answer, Refusal)
    assert answer.error == "invalid_client_metadata"
    assert answer.error_description.startswith(name)


def test_more_response_types_are_not_given() -> None:
    """A202: tokens through the browser are the administrator's to allow, even where the grant type is there."""
    had = ClientMetadata(
        redirect_uris=("https://rp.example/cb",), grant_types=("implicit",), response_types=("id_token",)
    )
    wider = {"grant_types": ("implicit",), "response_types": ("id_token", "token id_token")}
    assert isinstance(replaced(by_administrator(had), wider).answer, Refusal)


def test_a_client_may_protect_itself_better() -> None:
    """A202: stronger than the administrator set is the client's to choose, and to give up again."""
    plain = by_administrator(ClientMetadata(redirect_uris=("https://rp.example/cb",), scope=("openid",)))
    stronger = replaced(
        plain,
        {
            "token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS,
            "require_pushed_authorization_requests": True,
        },
    )  # fmt: skip
    assert metadata_of(stronger).require_pushed_authorization_requests
    events = [*plain, *stronger.events]
    back = {
        "token_endpoint_auth_method": "client_secret_basic",
        "require_pushed_authorization_requests": False,
    }
    assert not metadata_of(replaced(events, back)).require_pushed_authorization_requests
    assert isinstance(replaced(events, {"token_endpoint_auth_method": "none"}).answer, Refusal)


def self_registered(rules: RegistrationRules, **fields: Any) -> list[Event]:
    metadata = ClientMetadata(**{**REDIRECT, "scope": ("openid",), **fields})
    command = RegisterClient("shop", metadata, terms=Terms(rules=rules), source="registration")
    return [*decide_register(clients.NO_CLIENT, command, 1).events]


BY_TOKEN = RegistrationRules(("openid",), ("authorization_code",), by_token=("scope", "grant_types"))


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": ("openid", "email")},
        {"grant_types": ("authorization_code", "refresh_token")},
        {"grant_types": ("implicit",), "response_types": ("id_token",)},
    ],
)
def test_the_rules_of_admission_judge_each_update(fields: dict[str, Any]) -> None:
    """A202: what an initial access token did not give, no update gives, whatever the settings say."""
    assert isinstance(replaced(self_registered(BY_TOKEN), fields).answer, Refusal)
    assert not isinstance(replaced(self_registered(TODAY), fields).answer, Refusal)


def test_the_settings_of_admission_and_of_today_both_hold() -> None:
    """A202: wider settings are for those who come after them, narrower ones for all."""
    narrow = RegistrationRules(("openid",), ("authorization_code",))
    wider = {"scope": ("openid", "email")}
    assert isinstance(replaced(self_registered(narrow), wider, TODAY).answer, Refusal)
    assert isinstance(replaced(self_registered(TODAY), wider, narrow).answer, Refusal)
    had = replaced(self_registered(TODAY, scope=("openid", "email")), wider, narrow)
    assert metadata_of(had).scope == ("openid", "email")


def test_a_registration_from_before_the_rules_were_kept() -> None:
    """A202: nobody knows what its token said, so it has what it was registered with."""
    old = ClientRegistered(
        "shop", {**REDIRECT, "scope": ["openid"]}, 1, "registration", initial_token_id="id"
    )
    assert isinstance(replaced([old], {"scope": ("openid", "email")}).answer, Refusal)
    open_door = msgspec.structs.replace(old, initial_token_id=None)
    assert not isinstance(replaced([open_door], {"scope": ("openid", "email")}).answer, Refusal)


def test_an_administrators_update_goes_before_the_rules_of_admission() -> None:
    """A202: what an administrator took from a client that registered itself, it does not take back; what an
    administrator gave, it may have again."""
    events = self_registered(TODAY, scope=("openid", "email"))
    narrowed = msgspec.structs.replace(
        clients.fold(events).metadata, scope=("openid",), subject_type="pairwise"
    )
    events += decide_update(clients.fold(events), narrowed, NOW).events
    assert metadata_of(replaced(events, {"client_name": "New"})).subject_type == "pairwise"
    assert isinstance(replaced(events, {"scope": ("openid", "email")}).answer, Refusal)
    assert isinstance(replaced(events, {"subject_type": "public"}).answer, Refusal)
    widened = msgspec.structs.replace(narrowed, scope=("openid", "orders"))
    events += decide_update(clients.fold(events), widened, NOW).events
    events += replaced(events, {"scope": ("openid",)}).events
    assert metadata_of(replaced(events, {"scope": ("openid", "orders")})).scope == ("openid", "orders")


@pytest.mark.parametrize(
    ("fields", "goes_on"),
    [
        ({"client_name": "New"}, True),
        ({"scope": ("openid", "email")}, False),
        ({"grant_types": ("authorization_code", "refresh_token")}, False),
        ({"token_endpoint_auth_method": "none"}, False),
        ({"application_type": "native"}, False),
    ],
)
def test_more_than_before_is_asked_about(fields: dict[str, Any], goes_on: bool) -> None:
    """A202: an administrator had people not asked for the client as it was, and for nothing more than that."""
    events = self_registered(TODAY)
    trusted = msgspec.structs.replace(clients.fold(events).metadata, skip_consent=True)
    events += decide_update(clients.fold(events), trusted, NOW).events
    assert metadata_of(replaced(events, fields)).skip_consent is goes_on


def test_the_log_says_who_asked() -> None:
    """A202: the event of an update tells the client's own from an administrator's, a registration what let it in."""
    events = self_registered(BY_TOKEN)
    assert isinstance(events[0], ClientRegistered)
    assert events[0].admitted_by == AdmittedBy(("openid",), ("authorization_code",), ("scope", "grant_types"))
    own = replaced(events, {"client_name": "New"}).events[0]
    assert isinstance(own, ClientUpdated)
    assert own.by_itself
    administrators = decide_update(clients.fold(events), STRICT, NOW).events[0]
    assert isinstance(administrators, ClientUpdated)
    assert not administrators.by_itself


def test_every_field_has_been_thought_of() -> None:
    """A202: a new field of the metadata is either something to restrict, an administrator's, or the client's affair."""
    own_affair = {
        "client_name", "redirect_uris", "jwks", "jwks_uri", "logo_uri", "client_uri", "policy_uri", "tos_uri",
        "contacts", "request_uris", "initiate_login_uri", "software_id", "software_version",
        "post_logout_redirect_uris", "frontchannel_logout_uri", "frontchannel_logout_session_required",
        "backchannel_logout_uri", "backchannel_logout_session_required", "tls_client_auth_subject_dn",
        "tls_client_auth_san_dns", "tls_client_auth_san_uri", "tls_client_auth_san_ip",
        "tls_client_auth_san_email", "id_token_claims",
    }  # fmt: skip
    assert set(ClientMetadata.__struct_fields__) == own_affair | OWN | set(RESTRICTIONS)
    assert not allows_more("client_name", "a", "b")
