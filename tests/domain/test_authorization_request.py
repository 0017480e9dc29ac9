"""Authorization requests, good and bad: what is recorded, and where a refusal goes (A002 to A042)."""

from typing import Any

import msgspec
import pytest

from domain.authorization.parameter_refusals import nonce_refusal
from domain.authorization.parameters import MAX_HINT, MAX_NONCE, MAX_STATE, Parameters
from domain.authorization.request import (
    PageRefusal,
    RedirectRefusal,
    validate,
)
from domain.authorization.still_allowed import is_still_allowed
from domain.client.client import Client
from domain.vocabulary.response_mode import RESPONSE_MODES
from domain.vocabulary.response_type import RESPONSE_TYPES
from tests.domain.authorization_requests import (
    CHALLENGE,
    FACTS,
    GOOD,
    LOOPBACK,
    LOOPBACK_OF_WEB,
    PUBLIC,
    QUERY_MODE_ONLY,
    TWO_URIS,
    WEB,
    WITH_QUERY,
    accepted,
    ask,
    challenge,
)
from tests.domain.grant_samples import API, CALLBACK, NOW, client

OAUTH21 = client(profile="oauth21")


@pytest.mark.parametrize(
    ("prompt", "outcome"),
    [
        ("create", ("create",)),
        ("create login", ("create", "login")),
        ("create none", None),
        ("none create", None),
        ("Create", None),
    ],
)
def test_prompt_create_where_people_make_accounts(prompt: str, outcome: tuple[str, ...] | None) -> None:
    """A021, Initiating User Registration §4.1: a value like the others there, and never beside ``none``."""
    parameters = Parameters({**GOOD, "prompt": prompt})
    valid = validate(WEB, parameters, msgspec.structs.replace(FACTS, creates_accounts=True))
    if outcome is None:
        assert isinstance(valid, RedirectRefusal)
        assert valid.refusal.error == "invalid_request"
    else:
        assert accepted(valid).request.prompt == outcome


def test_a_good_request_is_recorded_as_it_was_asked() -> None:
    """OIDC Core §3.1.2.1: each parameter stands in the event, and personal data beside it."""
    valid = accepted(
        ask(
            changes={
                "code_challenge": CHALLENGE,
                "code_challenge_method": "S256",
                "prompt": "login consent",
                "max_age": "30",
                "acr_values": "a b a",
                "ui_locales": "de en",
                "display": "popup",
                "login_hint": "person@example.com",
                "response_mode": "form_post",
            },
            resources=(API,),
        )
    )
    event = valid.request
    assert (event.client_id, event.redirect_uri, event.redirect_uri_given) == ("shop", CALLBACK, True)
    assert (event.response_type, event.response_mode, event.display) == ("code", "form_post", "popup")
    assert (event.scope, event.resource, event.nonce) == (("openid", "email"), (API,), "no")
    assert (event.code_challenge, event.prompt, event.max_age) == (CHALLENGE, ("login", "consent"), 30)
    assert (event.acr_values, event.ui_locales) == (("a", "b"), ("de", "en"))
    assert (event.requested_at, event.expires_at, event.browser_hash) == (NOW, NOW + 600, "browser")
    assert (valid.private.state, valid.private.login_hint) == ("st", "person@example.com")
    assert "person@example.com" not in repr(event)


#: Refused before the redirect URI is sure: client, changed parameters, repeated parameters.
ON_PAGE: dict[str, tuple[Client, dict[str, str | None], set[str]]] = {
    "A002 other host": (WEB, {"redirect_uri": "https://evil.example/cb"}, set()),
    "A003 dot segments": (WEB, {"redirect_uri": "https://shop.example/cb/../evil"}, set()),
    "A003 encoded slash": (WEB, {"redirect_uri": "https://shop.example/cb%2f..%2fevil"}, set()),
    "A003 encoded twice": (WEB, {"redirect_uri": "https://shop.example/cb%252f"}, set()),
    "A003 matrix": (WEB, {"redirect_uri": CALLBACK + ";matrix"}, set()),
    "A003 prefix": (WEB, {"redirect_uri": CALLBACK + "x"}, set()),
    "A003 sub-path": (WEB, {"redirect_uri": CALLBACK + "/sub"}, set()),
    "A003 trailing slash": (WEB, {"redirect_uri": CALLBACK + "/"}, set()),
    "A003 case of the host": (WEB, {"redirect_uri": "https://SHOP.example/cb"}, set()),
    "A003 default port": (WEB, {"redirect_uri": "https://shop.example:443/cb"}, set()),
    "A004 suffix": (WEB, {"redirect_uri": "https://shop.example.evil.tld/cb"}, set()),
    "A005 userinfo": (WEB, {"redirect_uri": "https://shop.example@evil.com/cb"}, set()),
    "A005 backslash": (WEB, {"redirect_uri": "https://shop.example\\@evil.com/cb"}, set()),
    "A005 slash backslash": (WEB, {"redirect_uri": "https:/\\shop.example/cb"}, set()),
    "A005 full-width dot": (WEB, {"redirect_uri": "https://shop\uff0eexample/cb"}, set()),
    "A005 trailing dot": (WEB, {"redirect_uri": "https://shop.example./cb"}, set()),
    "A005 newline": (WEB, {"redirect_uri": CALLBACK + "\n"}, set()),
    "A005 tab": (WEB, {"redirect_uri": "https://shop.\texample/cb"}, set()),
    "A006 javascript": (client(redirect_uris=("javascript:x",)), {"redirect_uri": "javascript:x"}, set()),
    "A006 mixed case": (client(redirect_uris=("JaVaScRiPt:x",)), {"redirect_uri": "JaVaScRiPt:x"}, set()),
    "A006 data": (client(redirect_uris=("data:text/html,x",)), {"redirect_uri": "data:text/html,x"}, set()),
    "A008 loopback path": (LOOPBACK, {"redirect_uri": "http://127.0.0.1:5000/evil"}, set()),
    "A008 loopback query": (LOOPBACK, {"redirect_uri": "http://127.0.0.1:5000/cb?x=1"}, set()),
    "A008 localhost": (LOOPBACK, {"redirect_uri": "http://localhost:5000/cb"}, set()),
    "A008 other loopback": (LOOPBACK, {"redirect_uri": "http://[::1]:5000/cb"}, set()),
    "A008 host suffix": (LOOPBACK, {"redirect_uri": "http://127.0.0.1.evil/cb"}, set()),
    "A008 not native": (LOOPBACK_OF_WEB, {"redirect_uri": "http://127.0.0.1:1/cb"}, set()),
    "A010 fragment": (WEB, {"redirect_uri": CALLBACK + "#f"}, set()),
    "A010 registered fragment": (client(redirect_uris=(CALLBACK + "#f",)), {"redirect_uri": CALLBACK + "#f"}, set()),
    "A011 query added": (WEB, {"redirect_uri": CALLBACK + "?a=1"}, set()),
    "A011 query missing": (WITH_QUERY, {"redirect_uri": CALLBACK}, set()),
    "A011 query reordered": (WITH_QUERY, {"redirect_uri": CALLBACK + "?b=2&a=1"}, set()),
    "A012 OIDC request": (WEB, {"redirect_uri": None}, set()),
    "A012 empty": (WEB, {"redirect_uri": ""}, set()),
    "A012 several registered": (TWO_URIS, {"redirect_uri": None, "scope": "read"}, set()),
    "A012 FAPI": (client(profile="fapi2-security"), {"redirect_uri": None, "scope": "read"}, set()),
    "A013 client_id twice": (WEB, {}, {"client_id"}),
    "A013 redirect_uri twice": (WEB, {}, {"redirect_uri"}),
    "page before redirect": (WEB, {"redirect_uri": "https://evil.example", "response_type": "x"}, {"state"}),
}  # fmt: skip


@pytest.mark.parametrize("row", ON_PAGE)
def test_a_refusal_stays_on_our_page(row: str) -> None:
    """RFC 6749 §4.1.2.1: an answer never goes where it was not registered to go, and is not quoted either."""
    its_client, changes, repeated = ON_PAGE[row]
    outcome = ask(its_client, changes, repeated=frozenset(repeated))
    assert isinstance(outcome, PageRefusal), outcome
    assert outcome.refusal.error == "invalid_request"
    assert "evil" not in outcome.refusal.error_description


#: Refused by redirect: client, changed parameters, repeated parameters, error.
BY_REDIRECT: dict[str, tuple[Client, dict[str, str | None], set[str], str]] = {
    "A014 scope twice": (WEB, {}, {"scope"}, "invalid_request"),
    "A014 nonce twice": (WEB, {}, {"nonce"}, "invalid_request"),
    "A014 code_challenge twice": (WEB, {}, {"code_challenge"}, "invalid_request"),
    "A014 response_type twice": (WEB, {}, {"response_type"}, "invalid_request"),
    "A014 request twice": (WEB, {}, {"request"}, "invalid_request"),
    "A016 no response_type": (WEB, {"response_type": None}, set(), "invalid_request"),
    "A016 empty response_type": (WEB, {"response_type": ""}, set(), "invalid_request"),
    "A016 unknown": (WEB, {"response_type": "gold"}, set(), "unsupported_response_type"),
    "A016 padded": (WEB, {"response_type": "code "}, set(), "unsupported_response_type"),
    "A017 token": (WEB, {"response_type": "token"}, set(), "unsupported_response_type"),
    "A017 id_token token": (WEB, {"response_type": "token id_token"}, set(), "unauthorized_client"),
    "A017 hybrid": (WEB, {"response_type": "code id_token"}, set(), "unauthorized_client"),
    "A017 response_type not registered": (client(response_types=()), {}, set(), "unauthorized_client"),
    "A017 grant not registered": (client(grant_types=("client_credentials",)), {}, set(), "unauthorized_client"),
    "A020 web_message": (WEB, {"response_mode": "web_message"}, set(), "invalid_request"),
    "mode not registered": (QUERY_MODE_ONLY, {"response_mode": "fragment"}, set(), "unauthorized_client"),
    "A021 none login": (WEB, {"prompt": "none login"}, set(), "invalid_request"),
    "A021 consent none": (WEB, {"prompt": "consent none"}, set(), "invalid_request"),
    "unknown prompt": (WEB, {"prompt": "create"}, set(), "invalid_request"),
    "A024 negative": (WEB, {"max_age": "-1"}, set(), "invalid_request"),
    "A024 not a number": (WEB, {"max_age": "1.5"}, set(), "invalid_request"),
    "A024 sign": (WEB, {"max_age": "+1"}, set(), "invalid_request"),
    "A024 other digits": (WEB, {"max_age": "\u0661"}, set(), "invalid_request"),
    "A024 superscript": (WEB, {"max_age": "\u00b2"}, set(), "invalid_request"),
    "A024 beyond 2^53": (WEB, {"max_age": str(2**53)}, set(), "invalid_request"),
    "A024 a million digits": (WEB, {"max_age": "9" * 1_000_000}, set(), "invalid_request"),
    "A028 no scope": (WEB, {"scope": None}, set(), "invalid_scope"),
    "A028 quote": (WEB, {"scope": 'openid "'}, set(), "invalid_scope"),
    "A028 backslash": (WEB, {"scope": "openid \\"}, set(), "invalid_scope"),
    "A028 NUL": (WEB, {"scope": "openid\x00"}, set(), "invalid_scope"),
    "A028 newline": (WEB, {"scope": "openid\r\nX: y"}, set(), "invalid_scope"),
    "A028 tab": (WEB, {"scope": "openid\temail"}, set(), "invalid_scope"),
    "A028 many": (WEB, {"scope": " ".join(f"s{number}" for number in range(65))}, set(), "invalid_scope"),
    "A028 long": (WEB, {"scope": "s" * 1025}, set(), "invalid_scope"),
    "scope not registered": (WEB, {"scope": "admin root"}, set(), "invalid_scope"),
    "scope of an empty allow-list": (client(scope=()), {"scope": "openid"}, set(), "invalid_scope"),
    "A030 long state": (WEB, {"state": "s" * (MAX_STATE + 1)}, set(), "invalid_request"),
    "A030 long nonce": (WEB, {"nonce": "n" * (MAX_NONCE + 1)}, set(), "invalid_request"),
    "long login_hint": (WEB, {"login_hint": "h" * (MAX_HINT + 1)}, set(), "invalid_request"),
    "many acr_values": (WEB, {"acr_values": " ".join(map(str, range(33)))}, set(), "invalid_request"),
    "long ui_locales": (WEB, {"ui_locales": "x" * 256}, set(), "invalid_request"),
    "A041 public without PKCE": (PUBLIC, {}, set(), "invalid_request"),
    "A041 OAuth 2.1 without PKCE": (OAUTH21, {}, set(), "invalid_request"),
    "A042 plain": (WEB, challenge(CHALLENGE, "plain"), set(), "invalid_request"),
    "A042 no method": (WEB, {"code_challenge": CHALLENGE}, set(), "invalid_request"),
    "A042 unknown method": (WEB, challenge(CHALLENGE, "S512"), set(), "invalid_request"),
    "A042 case of the method": (WEB, challenge(CHALLENGE, "s256"), set(), "invalid_request"),
    "A042 method alone": (WEB, {"code_challenge_method": "S256"}, set(), "invalid_request"),
    "A042 short challenge": (WEB, challenge(CHALLENGE[:-1], "S256"), set(), "invalid_request"),
    "A042 padded challenge": (WEB, challenge(CHALLENGE + "=", "S256"), set(), "invalid_request"),
    "request object": (WEB, {"request": "e30.e30."}, set(), "request_not_supported"),
    "request_uri": (WEB, {"request_uri": "https://shop.example/ro"}, set(), "request_uri_not_supported"),
    "registration": (WEB, {"registration": "{}"}, set(), "registration_not_supported"),
}  # fmt: skip


@pytest.mark.parametrize("row", BY_REDIRECT)
def test_a_refusal_goes_to_the_client(row: str) -> None:
    """RFC 6749 §4.1.2.1: with the URI sure, the client is told, by its error code and with its ``state``."""
    its_client, changes, repeated, error = BY_REDIRECT[row]
    outcome = ask(its_client, changes, repeated=frozenset(repeated))
    assert isinstance(outcome, RedirectRefusal), outcome
    assert outcome.refusal.error == error
    assert outcome.redirect_uri == CALLBACK
    assert outcome.state == (None if row == "A030 long state" else "st")
    assert outcome.refusal.description


@pytest.mark.parametrize(
    ("profile", "scope", "is_needed"),
    [
        ("oidc", ("openid",), False),
        ("fapi1-advanced", ("openid",), True),
        ("fapi1-advanced", ("accounts",), False),
        ("fapi2-security", ("openid",), False),
    ],
)
def test_a_profile_may_demand_a_nonce(profile: str, scope: tuple[str, ...], is_needed: bool) -> None:
    """``fapi1-advanced-final-ensure-request-object-without-nonce-fails`` (FAPI 1 Baseline §5.2.2.2 item 1)."""
    its_client = client(profile=profile)
    assert nonce_refusal(its_client, Parameters({"nonce": "n"}), "code", scope) is None
    refusal = nonce_refusal(its_client, Parameters({}), "code", scope)
    assert (None if refusal is None else refusal.error) == ("invalid_request" if is_needed else None)


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("openid admin", ("openid",)),
        ("admin openid root email", ("openid", "email")),
        ("root email", ("email",)),
    ],
)
def test_a_scope_beyond_the_registration_is_left_out(asked: str, granted: tuple[str, ...]) -> None:
    """A028, OIDC Core §3.1.2.1: what is not known is left out, as long as something remains; never is it granted."""
    some = client(scope=("openid", "email"))
    assert accepted(ask(some, {"scope": asked})).request.scope == granted


def test_a_scope_of_which_nothing_remains_is_named() -> None:
    """The refusal names what was asked for, shortened, in characters of ``error_description``."""
    outcome = ask(client(scope=("openid",)), {"scope": " ".join(["r" * 900, "admin", "root", "x"])})
    assert isinstance(outcome, RedirectRefusal)
    assert outcome.refusal.description == (
        f"The client may not ask for the scope {'r' * 40} admin root and more."
    )


def test_a_scope_with_commas_is_told_how_to_separate() -> None:
    """RFC 6749 §3.3: spaces separate scope values; grant and others join them with commas by default."""
    outcome = ask(client(scope=("openid", "email")), {"scope": "openid,email"})
    assert isinstance(outcome, RedirectRefusal)
    assert outcome.refusal.hint == "Separate the values with spaces, not with commas."


def test_an_ambiguous_state_is_not_echoed() -> None:
    """A014: of two states neither is the client's."""
    outcome = ask(repeated=frozenset({"state"}))
    assert isinstance(outcome, RedirectRefusal)
    assert (outcome.refusal.error, outcome.state) == ("invalid_request", None)


@pytest.mark.parametrize(
    ("mode", "repeated", "travels"),
    [
        (None, set(), "query"),
        ("fragment", set(), "fragment"),
        ("form_post", set(), "form_post"),
        ("web_message", set(), "query"),
        ("form_post", {"response_mode"}, "query"),
    ],
)
def test_how_a_refusal_travels(mode: str | None, repeated: set[str], travels: str) -> None:
    """OAuth MRT §2.1: in the mode asked for, and in the query when that is unknown or ambiguous."""
    outcome = ask(changes={"response_mode": mode, "scope": None}, repeated=frozenset(repeated))
    assert isinstance(outcome, RedirectRefusal)
    assert outcome.response_mode == travels


@pytest.mark.parametrize(
    ("demand", "meets_it"),
    [
        ({"require_pushed_authorization_requests": True}, {"request_uri_hash": "hash"}),
        ({"require_signed_request_object": True}, {"request_object_hash": "hash"}),
        ({"profile": "oauth21"}, {"code_challenge": CHALLENGE}),
        ({"token_endpoint_auth_method": "none"}, {"code_challenge": CHALLENGE}),
    ],
    ids=["pushed", "signed", "PKCE by profile", "PKCE of public clients"],
)
def test_an_open_request_meets_what_is_demanded_meanwhile(
    demand: dict[str, Any], meets_it: dict[str, Any]
) -> None:
    """A017, A041, A064, A071, F31: a client whose requests have to be pushed, signed or with PKCE from now on gets
    nothing by one that was accepted before without."""
    request = accepted(ask()).request
    assert is_still_allowed(WEB, request, RESPONSE_TYPES, RESPONSE_MODES)
    stricter = client(**demand)
    assert not is_still_allowed(stricter, request, RESPONSE_TYPES, RESPONSE_MODES)
    assert is_still_allowed(
        stricter, msgspec.structs.replace(request, **meets_it), RESPONSE_TYPES, RESPONSE_MODES
    )
