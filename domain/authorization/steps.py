"""From an accepted authorization request to its response: authenticate the person, get consent, and issue what the
response type names (OIDC Core §3.1.2.3 to §3.1.2.5). ``advance`` decides what is next after each step."""

import msgspec

from domain.authorization import consent
from domain.authorization.parameters import CREATE
from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.client.client import Client
from domain.decision import Decision
from domain.errors import Refusal, invalid_request
from domain.event import Event
from domain.grant import front_channel
from domain.grant.events import (
    AnotherAccountRequested,
    AuthorizationAnswered,
    AuthorizationRefused,
    AuthorizationRequested,
    CodeIssued,
    ConsentGranted,
    SignInFailed,
    SubjectAuthenticated,
)
from domain.grant.front_channel import AuthorizationResponse
from domain.grant.grant import Grant, apply
from domain.grant.issue import IssueFacts, session_known_to_client
from domain.person.session import Session
from domain.vocabulary import response_type as response_types


class Browser(msgspec.Struct, frozen=True):
    """The session of this browser: a live session, the scope that its account consented to earlier, and whether the
    account is active."""

    session_id: str
    session: Session
    account_active: bool
    remembered_scope: tuple[str, ...] | None = None
    account_epoch: int = 0
    remembered_claims: tuple[str, ...] = ()


class AuthorizationFacts(msgspec.Struct, frozen=True):
    """What the server knows. ``browser`` None: nobody is signed in. ``hinted_subject`` is the only person that the
    request is for, by ``id_token_hint`` or by the ``sub`` of ``claims`` (OIDC Core §5.5.1). ``code_hash`` is the digest
    of the code that would be issued. ``issue`` has the facts for issuing tokens, None when the response type has none.
    ``browser_hash`` is the browser that a pushed request belongs to once the person is known (decisions.md 20), None
    when the request already belongs to a browser. ``catalogue`` has the claims that there are."""

    now: int
    client: Client
    code_hash: str
    code_lifetime: int
    browser: Browser | None = None
    hinted_subject: str | None = None
    acr_supported: tuple[str, ...] = ()
    issue: IssueFacts | None = None
    browser_hash: str | None = None
    catalogue: Catalogue = BUILT_IN


def code_lifetime_for(client: Client, setting: int) -> int:
    """The lifetime of a code for this client, in seconds: the server's, never longer than the profile allows."""
    return min(client.profile.code_lifetime, setting)


class SignInStep(msgspec.Struct, frozen=True):
    """The person has to sign in. ``select``: and may choose the account (``prompt=select_account``); ``create``: and
    creates a new account (``prompt=create``)."""

    select: bool = False
    create: bool = False


class ConsentStep(msgspec.Struct, frozen=True):
    """The person has to consent to ``scope``."""

    scope: tuple[str, ...]


Step = SignInStep | ConsentStep | AuthorizationResponse


def decide_request(request: AuthorizationRequested, facts: AuthorizationFacts) -> Decision[Step]:
    """Start with a valid request, and continue as far as the browser's session allows."""
    grant = apply(Grant(), request)
    return _and_then((request,), grant, facts)


def decide_signed_in(
    grant: Grant, subject: str, session_id: str, acr: str, amr: tuple[str, ...], facts: AuthorizationFacts
) -> Decision[Step]:
    """The person signed in on the page of this request."""
    authenticated = SubjectAuthenticated(
        subject, session_id, facts.now, acr, amr, browser_hash=facts.browser_hash,
        account_epoch=facts.browser.account_epoch if facts.browser else 0,
    )  # fmt: skip
    return _and_then((authenticated,), apply(grant, authenticated), facts)


def decide_consented(
    grant: Grant, facts: AuthorizationFacts, account_epoch: int = 0, claims: tuple[str, ...] = ()
) -> Decision[Step]:
    """The person consented to everything that the consent page showed, the defined ``claims`` among it.
    ``account_epoch`` is that of the account now."""
    assert grant.request is not None
    consented = ConsentGranted(grant.request.scope, account_epoch=account_epoch, claims=claims)
    return _and_then((consented,), apply(grant, consented), facts)


def decide_another_account(grant: Grant, facts: AuthorizationFacts) -> Decision[Step]:
    """The person wants to use another account, and has to sign in for the same request. Refused, without an event, if
    the request names its person (OIDC Core §3.1.2.1 ``id_token_hint``): nobody else can answer it."""
    request = grant.request
    assert request is not None
    if grant.subject is None:
        return Decision((), SignInStep(select=True))
    if facts.hinted_subject is not None:
        return Decision((), ConsentStep(consent.scope_to_agree_to(request, facts.client, facts.catalogue)))
    return Decision((AnotherAccountRequested(facts.now),), SignInStep(select=True))


def decide_cancelled(now: int) -> Decision[Step]:
    """The person declined (RFC 6749 §4.1.2.1)."""
    refusal = Refusal(
        "access_denied",
        "The person did not agree.",
        hint="",
        section="RFC 6749 §4.1.2.1",
        reason="cancelled_by_person",
        status=403,
    )
    return _refused(refusal, now)


def decide_sign_in_failed(reason: str, subject: str | None, now: int) -> Decision[Step]:
    """The password was wrong, or may not be tried now. The response never says which (A182)."""
    refusal = Refusal(
        "access_denied", "The login or the password is wrong.", hint="", section="", reason=reason, status=401
    )
    return Decision((SignInFailed(reason, now, subject),), refusal)


def advance(grant: Grant, facts: AuthorizationFacts) -> Decision[Step]:
    """The next step of an open request: sign-in, consent or the response. With ``prompt=none``, a refusal instead of a
    page."""
    request = grant.request
    assert request is not None
    silent = "none" in request.prompt
    if _acr_out_of_reach(request, facts):
        return _refused(UNMET, facts.now)
    if grant.subject is None:
        if CREATE in request.prompt and facts.hinted_subject is not None:
            return _refused(NOBODY_NEW, facts.now)
        authenticated = _by_session(grant, request, facts)
        if authenticated is None:
            return _refused(LOGIN_REQUIRED, facts.now) if silent else Decision((), _sign_in_needed(request))
        return _and_then((authenticated,), apply(grant, authenticated), facts)
    if facts.hinted_subject is not None and grant.subject != facts.hinted_subject:
        return _refused(LOGIN_REQUIRED, facts.now)
    if request.acr_essential and grant.acr not in request.acr_values:
        return _refused(UNMET, facts.now)
    if grant.scope is None:
        return _consent(grant, request, facts, silent)
    return _answer(grant, request, facts)


def _answer(grant: Grant, request: AuthorizationRequested, facts: AuthorizationFacts) -> Decision[Step]:
    """Issue everything that the response type names, in one append. Nothing else issues anything at this endpoint."""
    tokens = front_channel.tokens_for(grant, request, facts.issue)
    if isinstance(tokens, Refusal):
        return _refused(tokens, facts.now)
    by_code = response_types.gives_code(request.response_type)
    # The ID token that names the session is issued now, or later for the code.
    session_id = session_known_to_client(grant) if by_code or tokens.id_token else None
    ending: Event = (
        CodeIssued(facts.code_hash, facts.now, facts.now + facts.code_lifetime, grant.client_id, session_id)
        if by_code
        else AuthorizationAnswered(facts.now, grant.client_id, session_id)
    )
    return Decision(
        (ending, *tokens.events),
        AuthorizationResponse(by_code, tokens.access_token, tokens.id_token, session_id),
    )


def _consent(
    grant: Grant, request: AuthorizationRequested, facts: AuthorizationFacts, silent: bool
) -> Decision[Step]:
    """Ask for consent, unless the grant's own person is signed in here and consented before. By now somebody else may
    be signed in, or nobody (A051). Whoever answers on the page must still be signed in."""
    browser = facts.browser
    its_own = browser is not None and browser.account_active and browser.session_id == grant.session_id
    remembered = browser.remembered_scope if browser is not None and its_own else None
    wanted = consent.scope_to_agree_to(request, facts.client, facts.catalogue)
    claims = consent.claims_to_agree_to(request, facts.catalogue)
    if browser is None or not set(claims) <= set(browser.remembered_claims):
        remembered = None
    if not its_own or consent.must_ask(facts.client, request.prompt, wanted, remembered):
        if silent:
            return _refused(_silent_refusal(facts), facts.now)
        return Decision((), ConsentStep(wanted))
    epoch = (
        0 if browser is None else browser.account_epoch
    )  # whatever ended the person's grants, this one is of now
    granted = ConsentGranted(request.scope, remembered=True, account_epoch=epoch, claims=claims)
    return _and_then((granted,), apply(grant, granted), facts)


def _silent_refusal(facts: AuthorizationFacts) -> Refusal:
    """The refusal of a silent request. If the request names a person, the refusal is the same for another person and
    for that person without consent. Otherwise a client could guess who the visitor is (OIDC Core §5.5.1, §3.1.2.6)."""
    return CONSENT_REQUIRED if facts.hinted_subject is None else LOGIN_REQUIRED


def _and_then(events: tuple[Event, ...], grant: Grant, facts: AuthorizationFacts) -> Decision[Step]:
    """``events``, followed by the next step of the grant that results from them."""
    following = advance(grant, facts)
    return Decision((*events, *following.events), following.answer)


def is_answered_by_session(grant: Grant, facts: AuthorizationFacts) -> bool:
    """Whether the browser's session is sufficient for this open request."""
    return grant.request is not None and _by_session(grant, grant.request, facts) is not None


def _by_session(
    grant: Grant, request: AuthorizationRequested, facts: AuthorizationFacts
) -> SubjectAuthenticated | None:
    """The session's authentication, if it is sufficient for this request and nobody asked for another account."""
    browser = facts.browser
    if grant.another_account or browser is None or not session_suffices(request, browser, facts):
        return None
    session = browser.session
    return SubjectAuthenticated(
        session.subject, browser.session_id, session.auth_time, session.acr, session.amr,
        by_session=True, browser_hash=facts.browser_hash, account_epoch=browser.account_epoch,
    )  # fmt: skip


def session_suffices(request: AuthorizationRequested, browser: Browser, facts: AuthorizationFacts) -> bool:
    """Whether the session satisfies the request without a new sign-in (OIDC Core §3.1.2.3)."""
    if not browser.account_active or not browser.session.is_live(facts.now):
        return False
    if {"login", "select_account", CREATE} & set(request.prompt):
        return False
    if request.max_age is not None and facts.now - browser.session.auth_time > request.max_age:
        return False
    if request.max_age == 0:
        return False
    if request.acr_essential and browser.session.acr not in request.acr_values:
        return False
    return facts.hinted_subject is None or facts.hinted_subject == browser.session.subject


def _sign_in_needed(request: AuthorizationRequested) -> SignInStep:
    return SignInStep(select="select_account" in request.prompt, create=CREATE in request.prompt)


def _acr_out_of_reach(request: AuthorizationRequested, facts: AuthorizationFacts) -> bool:
    """Whether an essential ``acr`` is requested that no sign-in method here can reach (OIDC UAR 1.0, A026)."""
    return request.acr_essential and not set(request.acr_values) & set(facts.acr_supported)


def _refused(refusal: Refusal, now: int) -> Decision[Step]:
    return Decision((AuthorizationRefused(refusal.error, refusal.description, now),), refusal)


LOGIN_REQUIRED = Refusal(
    "login_required",
    "The person has to sign in.",
    hint="Send the request without prompt=none.",
    section="OIDC Core §3.1.2.6",
)
CONSENT_REQUIRED = Refusal(
    "consent_required",
    "The person has to agree.",
    hint="Send the request without prompt=none.",
    section="OIDC Core §3.1.2.6",
)
NOBODY_NEW = invalid_request(
    "The request names a person, who cannot create a new account.",
    hint="Leave out prompt=create, or id_token_hint and the sub of claims.",
    section="Initiating User Registration §4.1",
)
UNMET = Refusal(
    "unmet_authentication_requirements",
    "The sign-in did not reach the essential acr.",
    hint="See acr_values_supported.",
    section="OIDC UAR 1.0 §2",
)
