"""Is this authorization request valid? Pure checks from parameters to ``AuthorizationRequested``
(RFC 6749 §4.1.1, OIDC Core §3.1.2.1, RFC 9700 §2.1).

Until the client and its redirect URI are sure, a refusal is a page and never a redirect (RFC 6749 §4.1.2.1).
"""

import msgspec

from domain.authorization import parameters as read
from domain.authorization.parameters import Parameters
from domain.authorization.pushed_request import Pushed
from domain.authorization.request_object import RequestObject
from domain.client import client as client_rules
from domain.client import redirect_uri as redirect_uris
from domain.client.client import Client
from domain.errors import Refusal, invalid_request
from domain.grant.events import AuthorizationRequested
from domain.grant.issue import OPENID
from domain.grant.sender_constraint import code_key
from domain.liveness import ACTIVE
from domain.vocabulary import claims
from domain.vocabulary import response_mode as response_modes
from domain.vocabulary import response_type as response_types


class RequestFacts(msgspec.Struct, frozen=True):
    """What the shell knows beside the parameters: ``response_types`` and ``response_modes`` are those that this server
    offers, ``dpop``: RFC 9449 is offered, ``creates_accounts``: people make their own. Lifetimes in seconds.

    ``pushed`` is how a request came that was pushed; ``require_pushed`` says that the server takes no other
    (RFC 9126 §5). ``signed`` is the request object that the parameters stood in, ``require_signed`` likewise
    (RFC 9101 §10.5). ``browser_hash`` names the browser of a request that was not pushed.
    """

    now: int
    issuer: str
    interaction_lifetime: int
    response_types: tuple[str, ...]
    response_modes: tuple[str, ...]
    browser_hash: str | None = None
    dpop: bool = False
    creates_accounts: bool = False
    pushed: Pushed | None = None
    require_pushed: bool = False
    signed: RequestObject | None = None
    require_signed: bool = False


class PrivateParameters(msgspec.Struct, frozen=True, omit_defaults=True):
    """What may hold personal data, kept sealed and only while the request is open (decisions.md 16)."""

    state: str | None = None
    login_hint: str | None = None
    hinted_subject: str | None = None


class Valid(msgspec.Struct, frozen=True):
    """A request that may go on."""

    request: AuthorizationRequested
    private: PrivateParameters


class OnPage(msgspec.Struct, frozen=True):
    """A refusal that is shown to the person, because no redirect URI can be trusted."""

    refusal: Refusal


class ByRedirect(msgspec.Struct, frozen=True):
    """A refusal that goes to the client's validated redirect URI, in a mode in full."""

    refusal: Refusal
    redirect_uri: str
    response_mode: str
    state: str | None


def refuse_by_redirect(valid: Valid, refusal: Refusal) -> ByRedirect:
    """A refusal that was found only after the request proved valid in itself."""
    asked = valid.request
    return ByRedirect(refusal, asked.redirect_uri, mode_in_full(asked), valid.private.state)


def mode_in_full(request: AuthorizationRequested) -> str:
    """How the answer to the request travels."""
    return response_modes.in_full(request.response_mode, request.response_type)


def check_redirect_uri(client: Client, parameters: Parameters) -> str | Refusal:
    """The redirect URI that answers may go to, or why none can be trusted (RFC 9700 §4.1.3)."""
    for name in ("client_id", "redirect_uri"):
        if name in parameters.repeated:
            return invalid_request(
                f"The parameter {name} is there more than once.",
                hint="Send it once.",
                section="RFC 6749 §3.1",
            )
    given = parameters.get("redirect_uri")
    if given is None:
        return _only_redirect_uri(client, parameters)
    if not redirect_uris.matches(client, given):
        return invalid_request(
            "invalid redirect_uri: it is not registered for this client.",
            hint="Register it, and send it byte for byte.",
            section="RFC 6749 §3.1.2.4",
        )
    return given


def _only_redirect_uri(client: Client, parameters: Parameters) -> str | Refusal:
    """A client with one registered URI may leave it out, except in OpenID Connect (OIDC Core §3.1.2.1)."""
    is_openid = OPENID in (parameters.get("scope") or "").split(" ")
    if client_rules.may_omit_redirect_uri(client) and not is_openid:
        return client.metadata.redirect_uris[0]
    return invalid_request(
        "invalid redirect_uri: it is missing.",
        hint="Send one of the registered redirect URIs.",
        section="OIDC Core §3.1.2.1",
    )


def validate(client: Client, parameters: Parameters, facts: RequestFacts) -> Valid | OnPage | ByRedirect:
    """Check the whole request of a client that is known and active."""
    redirect_uri = check_redirect_uri(client, parameters)
    if isinstance(redirect_uri, Refusal):
        return OnPage(redirect_uri)
    try:
        return _validated(client, parameters, facts, redirect_uri)
    except read.Refused as refused:
        return _by_redirect(parameters, refused.refusal, redirect_uri, facts)


def refuse_object(
    client: Client, beside: Parameters, refusal: Refusal, facts: RequestFacts
) -> OnPage | ByRedirect:
    """Where the refusal of a request object goes. Nothing in the object is believed, so only the parameters ``beside``
    it can say it, when they name a registered redirect URI themselves (RFC 9101 §6.2, A057). How the answer was to
    travel is in the object too: a client that takes signed answers alone gets one."""
    redirect_uri = check_redirect_uri(client, beside)
    if isinstance(redirect_uri, Refusal) or beside.get("redirect_uri") is None:
        return OnPage(refusal)
    said = beside.get("response_mode") is not None
    if not said and client_rules.is_answered_signed(client, beside.get("response_type") or ""):
        values = {**beside.values, "response_mode": response_modes.JWT}
        beside = msgspec.structs.replace(beside, values=values)
    return _by_redirect(beside, refusal, redirect_uri, facts)


def _by_redirect(
    parameters: Parameters, refusal: Refusal, redirect_uri: str, facts: RequestFacts
) -> ByRedirect:
    state = None if "state" in parameters.repeated else parameters.get("state")
    echoed = state if state is not None and len(state) <= read.MAX_STATE else None
    mode = read.mode_of_refusal(parameters, facts.response_types, facts.response_modes)
    return ByRedirect(refusal, redirect_uri, mode, echoed)


def is_still_allowed(
    client: Client, request: AuthorizationRequested, types: tuple[str, ...], modes: tuple[str, ...]
) -> bool:
    """Whether the client may still have what was accepted, of the response types and modes that are offered. Asked at
    every later step, of the recorded request and never of what the browser sends (A017, A018, F31)."""
    return (
        client.status == ACTIVE
        and client.generation == request.client_generation
        and request.response_type in types
        and request.response_mode in modes
        and redirect_uris.matches(client, request.redirect_uri)
        and client_rules.response_type_refusal(client, request.response_type) is None
        and client_rules.response_mode_refusal(client, request.response_type, request.response_mode) is None
        and set(request.scope) <= set(client.metadata.scope)
        and _came_as_demanded(client, request)
    )


def _came_as_demanded(client: Client, request: AuthorizationRequested) -> bool:
    """Whether the request came as the client's registration and profile demand it by now: pushed, signed, with PKCE."""
    pushed = request.request_uri_hash is not None
    has_pkce = request.code_challenge is not None or not response_types.gives_code(request.response_type)
    return (
        (pushed or not client_rules.must_push(client))
        and (request.request_object_hash is not None or not client_rules.must_sign_requests(client))
        and (has_pkce or not client_rules.requires_pkce(client, pushed))
    )


def _refuse_unpushed(client: Client, facts: RequestFacts) -> None:
    """RFC 9126 §5, §6: by the server, the client or its profile (A071)."""
    if facts.pushed is None and (facts.require_pushed or client_rules.must_push(client)):
        raise read.Refused(
            invalid_request(
                "The request was not pushed.", hint="Use the PAR endpoint.", section="RFC 9126 §5"
            )
        )


def _refuse_unsigned(client: Client, facts: RequestFacts) -> None:
    """RFC 9101 §10.5: by the server, the client or its profile (A064)."""
    if facts.signed is None and (facts.require_signed or client_rules.must_sign_requests(client)):
        raise read.Refused(
            invalid_request(
                "The request is not signed.", hint="Send it as a request object.", section="RFC 9101 §10.5"
            )
        )


def _with_push(request: AuthorizationRequested, pushed: Pushed) -> AuthorizationRequested:
    """The person has the whole time of an interaction, even when they come at the last moment. The code is bound to
    the key that was proved with the push or named by ``dpop_jkt``, which must be the same (RFC 9449 §10.1)."""
    key = code_key(request.dpop_jkt, pushed.proof)
    if isinstance(key, Refusal):
        raise read.Refused(key)
    return msgspec.structs.replace(
        request,
        expires_at=request.expires_at + pushed.lifetime,
        request_uri_hash=pushed.request_uri_hash,
        request_uri_expires_at=request.requested_at + pushed.lifetime,
        client_auth_method=pushed.client_auth_method,
        client_key_id=pushed.client_key_id,
        dpop_jkt=key,
        x5t_s256=pushed.proof.x5t_s256,
    )


def _validated(client: Client, parameters: Parameters, facts: RequestFacts, redirect_uri: str) -> Valid:
    read.refuse_repeated(parameters)
    _refuse_unpushed(client, facts)
    _refuse_unsigned(client, facts)
    read.refuse_unsupported(parameters)
    response_type = read.response_type(client, parameters, facts.response_types)
    response_mode = read.response_mode(client, parameters, response_type, facts.response_modes)
    scope = read.scope(client, parameters, signed=facts.signed is not None)
    read.refuse_id_token_without_openid(response_type, scope)
    prompt = read.prompt(parameters, facts.creates_accounts)
    asked = read.asked_claims(parameters)
    request = AuthorizationRequested(
        client_id=client.client_id,
        client_generation=client.generation,
        redirect_uri=redirect_uri,
        redirect_uri_given=parameters.get("redirect_uri") is not None,
        response_type=response_type,
        response_mode=response_mode,
        scope=read.without_useless_offline_access(client, response_type, scope),
        resource=read.resources(client, parameters, scope, facts.issuer),
        code_challenge=read.code_challenge(client, parameters, response_type, facts.pushed is not None),
        nonce=read.nonce(client, parameters, response_type, scope),
        prompt=prompt,
        max_age=read.max_age(client, parameters),
        acr_values=asked.acr_values or read.acr_values(client, parameters),
        acr_essential=asked.acr_essential,
        auth_time_requested=asked.auth_time_requested or client.metadata.require_auth_time,
        id_token_claims=claims.permitted(asked.id_token, client.metadata.scope),
        userinfo_claims=claims.permitted(asked.userinfo, client.metadata.scope),
        display=read.display(parameters),
        ui_locales=read.values_of(parameters, "ui_locales"),
        claims_locales=read.values_of(parameters, "claims_locales"),
        browser_hash=facts.browser_hash,
        dpop_jkt=read.dpop_jkt(parameters) if facts.dpop else None,
        default_audience=client.metadata.default_audience or facts.issuer,
        sender_constraints=tuple(" ".join(sorted(ways)) for ways in client.sender_constraints),
        requested_at=facts.now,
        expires_at=facts.now + facts.interaction_lifetime,
    )
    if facts.pushed is not None:
        request = _with_push(request, facts.pushed)
    if facts.signed is not None:
        request = msgspec.structs.replace(
            request, request_object_hash=facts.signed.hash, request_object_kid=facts.signed.kid
        )
    private = PrivateParameters(
        state=read.limited(parameters, "state", read.MAX_STATE),
        login_hint=read.limited(parameters, "login_hint", read.MAX_HINT),
        hinted_subject=asked.subject,
    )
    return Valid(request, private)
