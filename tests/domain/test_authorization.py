"""From an accepted request to its code: sign-in, consent, and the errors of silent requests (A018 to A027)."""

from typing import Any

import msgspec
import pytest

from domain.authorization.consent import scope_to_agree_to
from domain.authorization.steps import (
    AuthorizationFacts,
    Browser,
    ConsentStep,
    SignInStep,
    Step,
    advance,
    decide_another_account,
    decide_cancelled,
    decide_consented,
    decide_request,
    decide_sign_in_failed,
    decide_signed_in,
    is_answered_by_session,
)
from domain.claim.catalogue import BUILT_IN
from domain.decision import Decision
from domain.grant.events import (
    AnotherAccountRequested,
    CodeIssued,
    ConsentGranted,
    SignInFailed,
    SubjectAuthenticated,
)
from domain.grant.front_channel import AuthorizationResponse
from domain.grant.grant import Grant, fold
from domain.person.session import Session
from tests.domain.grant_samples import (
    AUTHENTICATED,
    NOW,
    REQUESTED,
    SCOPE,
    SHOP,
    client,
    kinds,
    refused,
    requested,
)

SESSION = Session("person", "hash", NOW - 100, "pwd-acr", ("pwd",), NOW + 3600, "active")
SIGNED_IN = Browser("session", SESSION, account_active=True, remembered_scope=SCOPE)
NOT_AGREED = msgspec.structs.replace(SIGNED_IN, remembered_scope=None)
SUPPORTED = ("pwd-acr", "otp-acr")
AUTHORIZED = AuthorizationResponse(session_id="session")
CODE = CodeIssued("code-hash", NOW, NOW + 60, "shop", "session")
STRAIGHT_THROUGH = ["AuthorizationRequested", "SubjectAuthenticated", "ConsentGranted", "CodeIssued"]


def facts(browser: Browser | None = SIGNED_IN, **fields: Any) -> AuthorizationFacts:
    """What the shell knows when this browser comes."""
    usual = AuthorizationFacts(NOW, SHOP, "code-hash", 60, browser, acr_supported=SUPPORTED)
    return msgspec.structs.replace(usual, **fields)


def ask(browser: Browser | None = SIGNED_IN, hinted: str | None = None, **request: Any) -> Decision[Step]:
    """The request arrives from this browser."""
    return decide_request(requested(**request), facts(browser, hinted_subject=hinted))


def browser_of(**session: Any) -> Browser:
    """A browser whose session is otherwise."""
    return msgspec.structs.replace(SIGNED_IN, session=msgspec.structs.replace(SESSION, **session))


def sign_in(request: Any = REQUESTED, acr: str = "pwd-acr", **fields: Any) -> Decision[Step]:
    """The person signs in on the page of the request."""
    grant = fold((request,))
    return decide_signed_in(grant, "person", "session", acr, ("pwd",), facts(NOT_AGREED, **fields))


def test_a_good_session_and_a_remembered_consent_go_straight_to_the_code() -> None:
    """OIDC Core §3.1.2.3, §3.1.2.4: nobody is asked anything, and the log says that the session answered."""
    decision = ask()
    assert kinds(decision) == STRAIGHT_THROUGH
    assert decision.answer == AUTHORIZED
    assert decision.events[1:] == (
        SubjectAuthenticated("person", "session", NOW - 100, "pwd-acr", ("pwd",), by_session=True),
        ConsentGranted(SCOPE, remembered=True),
        CODE,
    )


def test_nobody_signed_in() -> None:
    """The request is recorded, and the person has to sign in."""
    decision = ask(None)
    assert (kinds(decision), decision.answer) == (["AuthorizationRequested"], SignInStep())


@pytest.mark.parametrize(
    "browser",
    [
        browser_of(status="ended"),
        browser_of(expires_at=NOW),
        msgspec.structs.replace(SIGNED_IN, account_active=False),
    ],
    ids=["logged out", "expired", "account off"],
)
def test_a_session_that_is_worth_nothing(browser: Browser) -> None:
    """A051, A188: an ended or expired session, or one of a disabled account, signs nobody in."""
    assert ask(browser).answer == SignInStep()
    assert refused(ask(browser, prompt=("none",))).error == "login_required"


@pytest.mark.parametrize(
    ("row", "fields", "answer"),
    [
        ("prompt=login", {"prompt": ("login",)}, SignInStep()),
        ("prompt=login consent", {"prompt": ("login", "consent")}, SignInStep()),
        ("prompt=select_account", {"prompt": ("select_account",)}, SignInStep(select=True)),
        ("prompt=create", {"prompt": ("create",)}, SignInStep(create=True)),
        ("prompt=consent", {"prompt": ("consent",)}, ConsentStep(SCOPE)),
        ("A024 max_age=0", {"max_age": 0}, SignInStep()),
        ("max_age too short", {"max_age": 99}, SignInStep()),
        ("max_age just enough", {"max_age": 100}, AUTHORIZED),
        ("A027 step-up", {"acr_essential": True, "acr_values": ("otp-acr",)}, SignInStep()),
        ("acr reached", {"acr_essential": True, "acr_values": ("otp-acr", "pwd-acr")}, AUTHORIZED),
        ("voluntary acr", {"acr_values": ("otp-acr",)}, AUTHORIZED),
    ],
)
def test_what_the_person_is_asked_though_signed_in(row: str, fields: dict[str, Any], answer: Step) -> None:
    """OIDC Core §3.1.2.1: the request can ask for a new sign-in, a fresher one, a better one, or new consent."""
    assert ask(**fields).answer == answer, row


STEP_UP = {"acr_essential": True, "acr_values": ("otp-acr",)}
OUT_OF_REACH = {"acr_essential": True, "acr_values": ("x",)}
UNMET = "unmet_authentication_requirements"


@pytest.mark.parametrize(
    ("row", "browser", "fields", "error"),
    [
        ("A022 nobody", None, {}, "login_required"),
        ("A022 no consent", NOT_AGREED, {}, "consent_required"),
        ("A022 max_age", SIGNED_IN, {"max_age": 99}, "login_required"),
        ("A027 step-up", SIGNED_IN, STEP_UP, "login_required"),
        ("A026 no such acr", SIGNED_IN, OUT_OF_REACH, UNMET),
        ("A026 before sign-in", None, OUT_OF_REACH, UNMET),
    ],
)
def test_prompt_none_shows_nothing(
    row: str, browser: Browser | None, fields: dict[str, Any], error: str
) -> None:
    """A022: without a page the request ends with the error that says which page it would have needed."""
    decision = ask(browser, prompt=("none",), **fields)
    assert refused(decision).error == error, row
    assert kinds(decision)[-1] == "AuthorizationRefused"
    assert not fold(decision.events).waits_for_person


def test_prompt_none_succeeds_silently() -> None:
    """OIDC Core §3.1.2.1: with session and consent at hand, silence is no obstacle."""
    assert kinds(ask(prompt=("none",))) == STRAIGHT_THROUGH


def test_a_native_public_client_is_never_silent() -> None:
    """A023: any application could pose as it, so earlier consent proves nothing (RFC 8252 §8.6)."""
    native = client(
        redirect_uris=("com.example.app:/cb",),
        application_type="native",
        token_endpoint_auth_method="none",
        skip_consent=True,
    )
    decision = decide_request(requested(prompt=("none",)), facts(client=native))
    assert refused(decision).error == "consent_required"
    assert decide_request(REQUESTED, facts(client=native)).answer == ConsentStep(SCOPE)


def test_an_essential_acr_out_of_reach_is_refused_at_once() -> None:
    """A026: the person is not made to sign in for nothing."""
    decision = ask(None, **OUT_OF_REACH)
    assert refused(decision).error == UNMET
    assert kinds(decision) == ["AuthorizationRequested", "AuthorizationRefused"]


@pytest.mark.parametrize(("acr", "error"), [("otp-acr", None), ("pwd-acr", UNMET)])
def test_a_sign_in_below_the_essential_acr_is_not_passed_off(acr: str, error: str | None) -> None:
    """A027: what counts is the acr of this sign-in, not the one the server could have reached."""
    decision = sign_in(requested(**STEP_UP), acr)
    if error is None:
        assert decision.answer == ConsentStep(SCOPE)
    else:
        assert refused(decision).error == error


def test_sign_in_goes_on_to_consent_and_consent_to_the_code() -> None:
    """The long way: each page adds its fact, and the last one gives the code."""
    signed_in = sign_in()
    assert (kinds(signed_in), signed_in.answer) == (["SubjectAuthenticated"], ConsentStep(SCOPE))
    grant = fold(signed_in.events, fold((REQUESTED,)))
    assert (grant.subject, grant.auth_time) == ("person", NOW)
    agreed = decide_consented(grant, facts())
    assert agreed.events == (ConsentGranted(SCOPE), CODE)
    assert agreed.answer == AUTHORIZED
    assert not fold(agreed.events, grant).waits_for_person


@pytest.mark.parametrize(
    "request_",
    [
        requested(prompt=("login",)),
        requested(max_age=0),
        requested(prompt=("select_account",)),
        requested(prompt=("create",)),
    ],
    ids=["login", "max_age=0", "select_account", "create"],
)
def test_one_sign_in_is_enough(request_: Any) -> None:
    """A024: having just signed in here, the person is not sent round in a circle."""
    assert sign_in(request_).answer == ConsentStep(SCOPE)


def test_a_remembered_consent_is_of_now() -> None:
    """A188: what ended all grants of the person while the request was open does not end the grant that a remembered
    consent gives afterwards: nothing is issued from a grant that is over."""
    grant = fold((requested(), AUTHENTICATED))
    ended_since = msgspec.structs.replace(SIGNED_IN, account_epoch=1)
    decision = advance(grant, facts(ended_since))
    assert decision.events[0] == ConsentGranted(SCOPE, remembered=True, account_epoch=1)
    assert kinds(decision) == ["ConsentGranted", "CodeIssued"]
    assert fold(decision.events, grant).account_epoch == 1


def test_consent_is_asked_for_by_prompt_though_remembered() -> None:
    """OIDC Core §3.1.2.1: ``prompt=consent`` asks again, and the new answer is not called remembered."""
    grant = fold((requested(prompt=("consent",)), AUTHENTICATED))
    assert advance(grant, facts()).answer == ConsentStep(SCOPE)
    assert decide_consented(grant, facts()).events[0] == ConsentGranted(SCOPE, remembered=False)


@pytest.mark.parametrize(
    ("remembered", "answer"),
    [
        (None, ConsentStep(SCOPE)),
        ((), ConsentStep(SCOPE)),
        (("openid",), ConsentStep(SCOPE)),
        (SCOPE, AUTHORIZED),
        ((*SCOPE, "profile"), AUTHORIZED),
    ],
)
def test_remembered_consent_covers_all_or_is_asked_again(
    remembered: tuple[str, ...] | None, answer: Step
) -> None:
    """OIDC Core §3.1.2.4: the earlier agreement counts only when nothing is asked beyond it."""
    browser = msgspec.structs.replace(SIGNED_IN, remembered_scope=remembered)
    assert ask(browser).answer == answer


@pytest.mark.parametrize(
    "browser",
    [
        None,
        msgspec.structs.replace(SIGNED_IN, session_id="another"),
        msgspec.structs.replace(SIGNED_IN, account_active=False),
    ],
    ids=["nobody", "another session", "account off"],
)
@pytest.mark.parametrize("skip_consent", [False, True])
def test_an_open_request_goes_on_silently_for_its_own_person_alone(
    browser: Browser | None, skip_consent: bool
) -> None:
    """A051, A147: a request whose person is known waits for consent; whoever comes back to it when the session is over,
    or the account disabled, gets no code and no token because somebody agreed meanwhile."""
    grant = fold((REQUESTED, AUTHENTICATED))
    own = client(skip_consent=skip_consent)
    assert advance(grant, facts(client=own)).answer == AUTHORIZED
    assert advance(grant, facts(browser, client=own)).answer == ConsentStep(SCOPE)


def test_remembering_more_grants_no_more_than_was_asked() -> None:
    """The scope of the grant is the request's own, however much was agreed to before."""
    decision = ask(msgspec.structs.replace(SIGNED_IN, remembered_scope=(*SCOPE, "profile")))
    assert fold(decision.events).scope == SCOPE


def test_claims_by_name_are_agreed_to_as_their_scope() -> None:
    """OIDC Core §5.5: asking for ``birthdate`` is asking for ``profile``, and the person is told so."""
    request = requested(userinfo_claims=("birthdate",), id_token_claims=("email",))
    wanted = (*SCOPE, "profile")
    assert scope_to_agree_to(request, SHOP, BUILT_IN) == wanted
    assert decide_request(request, facts()).answer == ConsentStep(wanted)
    agreed_before = msgspec.structs.replace(SIGNED_IN, remembered_scope=wanted)
    assert decide_request(request, facts(agreed_before)).answer == AUTHORIZED


def test_a_first_party_client_skips_consent_unless_asked_for() -> None:
    """The administrator's ``skip_consent`` stands in for the person, but not against ``prompt=consent``."""
    first_party = client(skip_consent=True)
    quiet = decide_request(REQUESTED, facts(NOT_AGREED, client=first_party))
    assert quiet.answer == AUTHORIZED
    asked = decide_request(requested(prompt=("consent",)), facts(NOT_AGREED, client=first_party))
    assert asked.answer == ConsentStep(SCOPE)


@pytest.mark.parametrize(
    ("hinted", "prompt", "outcome"),
    [
        ("person", (), "code"),
        ("person", ("none",), "code"),
        ("stranger", (), "sign in"),
        ("stranger", ("none",), "login_required"),
    ],
)
def test_a_hint_names_the_one_person(hinted: str, prompt: tuple[str, ...], outcome: str) -> None:
    """OIDC Core §3.1.2.1 ``id_token_hint``: another person's session does not answer the request."""
    answer = ask(hinted=hinted, prompt=prompt).answer
    if outcome == "login_required":
        assert refused(ask(hinted=hinted, prompt=prompt)).error == outcome
    else:
        assert answer == (AUTHORIZED if outcome == "code" else SignInStep())


def test_a_guess_at_the_visitor_is_answered_alike() -> None:
    """OIDC Core §5.5.1: a client that nobody agreed to cannot find out by ``sub`` and ``prompt=none`` who is there."""
    right = ask(NOT_AGREED, hinted="person", prompt=("none",))
    wrong = ask(NOT_AGREED, hinted="stranger", prompt=("none",))
    assert refused(right) == refused(wrong)
    assert refused(right).error == "login_required"


def test_signing_in_as_somebody_else_than_hinted_is_refused() -> None:
    """OIDC Core §3.1.2.2: the client would otherwise take one person for another."""
    decision = sign_in(hinted_subject="stranger")
    assert refused(decision).error == "login_required"
    assert kinds(decision) == ["SubjectAuthenticated", "AuthorizationRefused"]


@pytest.mark.parametrize("hinted", ["person", "stranger", ""])
def test_nobody_who_is_known_is_a_new_person(hinted: str) -> None:
    """Initiating User Registration §4.1: a hint beside ``prompt=create`` could only end in another person's tokens."""
    decision = ask(hinted=hinted, prompt=("create",))
    assert refused(decision).error == "invalid_request"
    assert kinds(decision) == ["AuthorizationRequested", "AuthorizationRefused"]


def test_cancelling_ends_the_request() -> None:
    """RFC 6749 §4.1.2.1: ``access_denied``, and the request waits for nobody any more."""
    decision = decide_cancelled(NOW)
    assert refused(decision).error == "access_denied"
    after: Grant = fold(decision.events, fold((REQUESTED,)))
    assert (after.refused, after.waits_for_person) == ("access_denied", False)


@pytest.mark.parametrize(("reason", "subject"), [("wrong_password", "person"), ("unknown_login", None)])
def test_a_failed_sign_in_is_recorded_and_told_alike(reason: str, subject: str | None) -> None:
    """A182: the log knows whether the account exists, the answer does not say."""
    decision = decide_sign_in_failed(reason, subject, NOW)
    assert decision.events == (SignInFailed(reason, NOW, subject),)
    told = (refused(decision).error, refused(decision).error_description, refused(decision).status)
    assert told == ("access_denied", "The login or the password is wrong.", 401)
    assert fold(decision.events, fold((REQUESTED,))).waits_for_person


def test_who_is_somebody_else_signs_in_again() -> None:
    """A239: given a person without consent, when they ask for another account, then nobody is known, the session of the
    browser is not used again, and who signs in is asked as anybody is."""
    known = fold([REQUESTED, AUTHENTICATED])
    decision = decide_another_account(known, facts())
    assert decision == Decision((AnotherAccountRequested(NOW),), SignInStep(select=True))
    nobody = fold(decision.events, known)
    assert (nobody.subject, nobody.session_id, nobody.acr, nobody.account_epoch) == (None, None, "", 0)
    assert advance(nobody, facts()) == Decision((), SignInStep())
    assert is_answered_by_session(fold([REQUESTED]), facts())
    assert not is_answered_by_session(nobody, facts())
    again = decide_signed_in(nobody, "other", "new-session", "pwd-acr", ("pwd",), facts(NOT_AGREED))
    assert again.answer == ConsentStep(SCOPE)
    assert fold(again.events, nobody).subject == "other"


def test_nobody_else_may_answer_for_a_person_who_is_named() -> None:
    """A239: given a request about one person, another account is not asked for; given nobody, there is no event."""
    known = fold([REQUESTED, AUTHENTICATED])
    assert decide_another_account(known, facts(hinted_subject="person")) == Decision((), ConsentStep(SCOPE))
    assert decide_another_account(fold([REQUESTED]), facts()).events == ()
