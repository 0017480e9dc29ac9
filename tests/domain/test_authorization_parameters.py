"""The parameters of an authorization request: resources, claims, state, and what is accepted."""

from typing import Any

import pytest

from domain.authorization.parameters import MAX_NONCE, MAX_STATE
from domain.authorization.request import (
    RedirectRefusal,
)
from domain.client.client import Client
from tests.domain.authorization_requests import (
    LOOPBACK,
    WEB,
    WITH_QUERY,
    accepted,
    ask,
)
from tests.domain.grant_samples import API, CALLBACK, ISSUER, client


@pytest.mark.parametrize(
    ("resource", "error"),
    [
        ("https://unknown.example", "invalid_target"),
        (API + "#fragment", "invalid_target"),
        ("/relative", "invalid_target"),
        ("", "invalid_target"),
        (API, None),
        (ISSUER, None),
    ],
)
def test_resource(resource: str, error: str | None) -> None:
    """A039, RFC 8707 §2: an absolute URI that the client may have tokens for."""
    outcome = ask(resources=(resource,))
    if error is None:
        assert accepted(outcome).request.resource == (resource,)
    else:
        assert isinstance(outcome, RedirectRefusal)
        assert outcome.refusal.error == error


def test_resource_alone_may_repeat() -> None:
    """RFC 8707 §2: several resources are several parameters of that name."""
    both = ask(resources=(API, ISSUER), repeated=frozenset({"resource"}))
    assert accepted(both).request.resource == (API, ISSUER)


def test_an_unknown_parameter_may_repeat() -> None:
    """RFC 6749 §3.1: unrecognized parameters are ignored, whatever they hold."""
    accepted(ask(changes={"utm": "x"}, repeated=frozenset({"utm"})))


def test_a_claims_parameter_that_is_no_good_json() -> None:
    """A029: what the strict reader refused is the client's error, told by redirect."""
    outcome = ask(claims_broken=True)
    assert isinstance(outcome, RedirectRefusal)
    assert outcome.refusal.error == "invalid_request"


@pytest.mark.parametrize(
    "document",
    [
        {"id_token": []},
        {"userinfo": "all"},
        {"id_token": {"email": True}},
        {"id_token": {"acr": {"essential": True, "values": [1]}}},
        {"id_token": {"sub": {"value": 1}}},
        {"userinfo": {f"c{number}": None for number in range(65)}},
    ],
)
def test_a_claims_parameter_of_another_shape(document: dict[str, Any]) -> None:
    """A029, OIDC Core §5.5: claims of the wrong shape are refused, not guessed at."""
    outcome = ask(claims=document)
    assert isinstance(outcome, RedirectRefusal)
    assert outcome.refusal.error == "invalid_request"


def test_claims_go_into_the_event_by_name_and_the_person_beside_it() -> None:
    """OIDC Core §5.5 and decisions.md 16: names are recorded, the value of ``sub`` is personal data."""
    valid = accepted(
        ask(
            claims={
                "id_token": {
                    "auth_time": {"essential": True},
                    "acr": {"essential": True, "values": ["otp"]},
                    "sub": {"value": "person"},
                    "email": None,
                    "__proto__": None,
                },
                "userinfo": {"name": None, "phone_number": None},
            }
        )
    )
    event = valid.request
    assert (event.acr_values, event.acr_essential, event.auth_time_requested) == (("otp",), True, True)
    assert (event.id_token_claims, event.userinfo_claims) == (("email",), ("name",))
    assert valid.private.hinted_subject == "person"
    assert "'person'" not in repr(event)


@pytest.mark.parametrize(
    ("row", "its_client", "changes", "expected"),
    [
        (
            "A012 one URI, plain OAuth",
            WEB,
            {"redirect_uri": None, "scope": "read"},
            {"redirect_uri": CALLBACK, "redirect_uri_given": False},
        ),
        (
            "A008 another port",
            LOOPBACK,
            {"redirect_uri": "http://127.0.0.1:5000/cb"},
            {"redirect_uri": "http://127.0.0.1:5000/cb"},
        ),
        (
            "A011 the same query",
            WITH_QUERY,
            {"redirect_uri": CALLBACK + "?a=1&b=2"},
            {"redirect_uri": CALLBACK + "?a=1&b=2"},
        ),
        ("A024 max_age=0", WEB, {"max_age": "0"}, {"max_age": 0}),
        ("A024 the largest", WEB, {"max_age": str(2**53 - 1)}, {"max_age": 2**53 - 1}),
        ("default_max_age", client(default_max_age=60), {}, {"max_age": 60}),
        ("max_age over the default", client(default_max_age=60), {"max_age": "5"}, {"max_age": 5}),
        ("require_auth_time", client(require_auth_time=True), {}, {"auth_time_requested": True}),
        (
            "default_acr_values",
            client(default_acr_values=("x",)),
            {},
            {"acr_values": ("x",), "acr_essential": False},
        ),
        (
            "an empty value counts as none",
            WEB,
            {"prompt": "", "max_age": "", "nonce": ""},
            {"prompt": (), "max_age": None, "nonce": None},
        ),
        ("an empty request parameter", WEB, {"request": ""}, {"scope": ("openid", "email")}),
        ("unknown display", WEB, {"display": "hologram"}, {"display": "page"}),
        ("scope value twice", WEB, {"scope": "openid openid email"}, {"scope": ("openid", "email")}),
        ("offline_access", WEB, {"scope": "openid offline_access"}, {"scope": ("openid", "offline_access")}),
        (
            "offline_access of no use",
            client(grant_types=("authorization_code",)),
            {"scope": "openid offline_access"},
            {"scope": ("openid",)},
        ),
        ("confidential without PKCE", WEB, {}, {"code_challenge": None}),
        ("A030 the longest nonce", WEB, {"nonce": "n" * MAX_NONCE}, {"nonce": "n" * MAX_NONCE}),
    ],
)
def test_what_is_accepted(
    row: str, its_client: Client, changes: dict[str, str | None], expected: dict[str, Any]
) -> None:
    """The other side of each limit: what may pass does pass, and is recorded as it counts."""
    event = accepted(ask(its_client, changes)).request
    assert {name: getattr(event, name) for name in expected} == expected, row


@pytest.mark.parametrize("state", ["s" * MAX_STATE, "a\r\nb", "<script>", "\u00e9 %00+&=", " "])
def test_state_comes_back_as_it_went(state: str) -> None:
    """A030: within the limit ``state`` is kept and echoed as it is, in success and in error."""
    assert accepted(ask(changes={"state": state})).private.state == state
    outcome = ask(changes={"state": state, "scope": None})
    assert isinstance(outcome, RedirectRefusal)
    assert outcome.state == state
