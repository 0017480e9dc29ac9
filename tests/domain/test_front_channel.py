"""What the authorization endpoint gives out by itself, for each response type (OIDC Core §3.2, §3.3, OAuth MRT §4)."""

from typing import Any

import msgspec
import pytest

from domain.authorization.steps import AuthorizationFacts, Browser, Step, decide_request
from domain.decision import Decision
from domain.grant.front_channel import AuthorizationResponse
from domain.grant.grant import fold
from domain.grant.issue import IssueFacts
from domain.person.session import Session
from tests.domain.grant_samples import API, ISSUER, LIVE, NOW, SCOPE, client, kinds, refused, requested

SESSION = Session("person", "hash", NOW - 100, "pwd-acr", ("pwd",), NOW + 3600, "active")
BROWSER = Browser("session", SESSION, account_active=True, remembered_scope=(*SCOPE, "profile"))
STRAIGHT = ["AuthorizationRequested", "SubjectAuthenticated", "ConsentGranted"]
CLIENT = client()
ISSUE = IssueFacts(
    now=NOW,
    issuer=ISSUER,
    client=CLIENT,
    liveness=LIVE,
    token_id="jti",
    refresh_hash="",
    hmac_key_id="hmac",
    access_token_lifetime=600,
    id_token_lifetime=300,
    refresh_token_lifetime=0,
    signing_kids={"RS256": "at-kid"},
    id_token_kid="id-kid",
)


def ask(response_type: str, issue: IssueFacts | None = ISSUE, **request: Any) -> Decision[Step]:
    """A request of this type from a browser that needs no page."""
    facts = AuthorizationFacts(NOW, CLIENT, "code-hash", 60, BROWSER, issue=issue)
    return decide_request(requested(response_type=response_type, **request), facts)


def answer_to(decision: Decision[Step]) -> AuthorizationResponse:
    assert isinstance(decision.answer, AuthorizationResponse), decision.answer
    return decision.answer


@pytest.mark.parametrize(
    ("response_type", "given_out"),
    [
        ("code", ["CodeIssued"]),
        ("none", ["AuthorizationAnswered"]),
        ("id_token", ["AuthorizationAnswered", "IdTokenIssued"]),
        ("id_token token", ["AuthorizationAnswered", "AccessTokenIssued", "IdTokenIssued"]),
        ("code id_token", ["CodeIssued", "IdTokenIssued"]),
        ("code token", ["CodeIssued", "AccessTokenIssued"]),
        ("code id_token token", ["CodeIssued", "AccessTokenIssued", "IdTokenIssued"]),
    ],
)
def test_each_response_type_gives_out_what_it_names(response_type: str, given_out: list[str]) -> None:
    """Each thing given out is an event of the same append, never a refresh token; and the request is over."""
    decision = ask(response_type)
    assert kinds(decision) == [*STRAIGHT, *given_out]
    answer = answer_to(decision)
    assert answer.code is ("CodeIssued" in given_out)
    assert (answer.access_token is not None) is ("AccessTokenIssued" in given_out)
    assert (answer.id_token is not None) is ("IdTokenIssued" in given_out)
    grant = fold(decision.events)
    assert not grant.waits_for_person
    assert grant.refresh is None
    assert (grant.answered_at == NOW) is ("AuthorizationAnswered" in given_out)


def test_the_tokens_are_those_of_the_grant() -> None:
    """Scope, audience, session, sign-in and nonce are the grant's own, as at the token endpoint."""
    answer = answer_to(ask("code id_token token", scope=("openid", "email"), resource=(API,)))
    assert answer.access_token is not None
    assert answer.id_token is not None
    access, said = answer.access_token, answer.id_token
    assert (access.scope, access.audience) == (("openid", "email"), (API, ISSUER))
    assert (access.token_id, access.subject, access.session_id) == ("jti", "person", "session")
    assert (access.expires_at, access.signing_kid) == (NOW + 600, "at-kid")
    assert (access.jkt, access.x5t_s256) == (None, None)
    assert (said.subject, said.session_id, said.nonce, said.auth_time) == (
        "person",
        "session",
        "n",
        NOW - 100,
    )
    assert (said.issued.expires_at, said.issued.signing_kid) == (NOW + 300, "id-kid")


def test_a_named_key_binds_the_front_channel_token_too() -> None:
    """A108, RFC 9449 §10: with ``dpop_jkt`` nothing usable without the key leaves by the browser."""
    access = answer_to(ask("code token", dpop_jkt="thumbprint")).access_token
    assert access is not None
    assert (access.jkt, access.x5t_s256) == ("thumbprint", None)


@pytest.mark.parametrize(
    ("response_type", "claims"),
    [
        ("id_token", ("email", "email_verified", "name")),
        ("id_token token", ("name",)),
        ("code id_token", ()),
        ("code id_token token", ()),
    ],
)
def test_what_an_id_token_of_the_front_channel_says_of_the_person(
    response_type: str, claims: tuple[str, ...]
) -> None:
    """OIDC Core §5.4, §3.3.3.6: the scope's claims where nothing else could be asked, none where a code comes along."""
    decision = ask(response_type, id_token_claims=("name",), userinfo_claims=("birthdate",))
    said = answer_to(decision).id_token
    assert said is not None
    assert said.issued.claims == claims


def test_a_resource_that_is_not_allowed_any_more_ends_the_request() -> None:
    """A039: the audience is decided when the token is, and its refusal is the answer."""
    decision = ask("id_token token", resource=("https://gone.example",))
    assert refused(decision).error == "invalid_target"
    assert kinds(decision)[-1] == "AuthorizationRefused"


def test_a_grant_that_was_answered_is_answered_once() -> None:
    """The event that ends a request without a code is folded, also from a summary of the grant."""
    grant = fold(ask("none").events)
    again = msgspec.convert(msgspec.to_builtins(grant), type(grant))
    assert again.answered_at == NOW
    assert not again.waits_for_person
