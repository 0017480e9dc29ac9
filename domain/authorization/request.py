"""Validation of an authorization request: pure checks from parameters to ``AuthorizationRequested`` (RFC 6749 §4.1.1,
OIDC Core §3.1.2.1, RFC 9700 §2.1).

Until the client and its redirect URI are known to be valid, a refusal is shown on a page and never sent by redirect
(RFC 6749 §4.1.2.1).
"""

import msgspec

from domain.authorization import parameter_refusals as refusals
from domain.authorization import parameters as read
from domain.authorization.parameters import Parameters
from domain.authorization.pushed_request import PushedRequest
from domain.authorization.request_object import RequestObject
from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.client import client as client_rules
from domain.client import redirect_uri as redirect_uris
from domain.client.client import Client
from domain.errors import Refusal, invalid_request
from domain.grant.events import AuthorizationRequested
from domain.grant.issue import OPENID
from domain.grant.sender_constraint import code_key
from domain.resource.resource import NO_RESOURCES, Resources
from domain.vocabulary import response_mode as response_modes


class RequestFacts(msgspec.Struct, frozen=True):
    """What the server knows besides the parameters. ``response_types`` and ``response_modes`` are those that it offers,
    ``dpop``: it offers RFC 9449, ``creates_accounts``: people may create their own accounts. Lifetimes are in seconds.

    ``pushed`` says how a pushed request was sent; ``require_pushed``: the server accepts no other (RFC 9126 §5).
    ``signed`` is the request object that contained the parameters; ``require_signed``: the server accepts no other (RFC
    9101 §10.5). ``browser_hash`` identifies the browser of a request that was not pushed. ``resources`` are the
    registered resource servers, ``catalogue`` the claims that can be requested.
    """

    now: int
    issuer: str
    interaction_lifetime: int
    response_types: tuple[str, ...]
    response_modes: tuple[str, ...]
    browser_hash: str | None = None
    dpop: bool = False
    creates_accounts: bool = False
    pushed: PushedRequest | None = None
    require_pushed: bool = False
    signed: RequestObject | None = None
    require_signed: bool = False
    resources: Resources = NO_RESOURCES
    catalogue: Catalogue = BUILT_IN


class PrivateParameters(msgspec.Struct, frozen=True, omit_defaults=True):
    """Parameters that may contain personal data. They are stored sealed, and only while the request is open
    (decisions.md 16). ``salt`` is random: the digest in the log is that of nobody's guess."""

    state: str | None = None
    login_hint: str | None = None
    hinted_subject: str | None = None
    salt: str | None = None


class ValidRequest(msgspec.Struct, frozen=True):
    """A valid request, which can continue."""

    request: AuthorizationRequested
    private: PrivateParameters


class PageRefusal(msgspec.Struct, frozen=True):
    """A refusal that is shown to the person, because there is no redirect URI that can be trusted."""

    refusal: Refusal


class RedirectRefusal(msgspec.Struct, frozen=True):
    """A refusal that is sent to the client's validated redirect URI. ``response_mode`` is a full name."""

    refusal: Refusal
    redirect_uri: str
    response_mode: str
    state: str | None


def refuse_by_redirect(valid: ValidRequest, refusal: Refusal) -> RedirectRefusal:
    """Refuse a request for a reason that was found after its validation."""
    asked = valid.request
    return RedirectRefusal(refusal, asked.redirect_uri, mode_in_full(asked), valid.private.state)


def mode_in_full(request: AuthorizationRequested) -> str:
    """The full name of the request's response mode."""
    return response_modes.in_full(request.response_mode, request.response_type)


def check_redirect_uri(client: Client, parameters: Parameters) -> str | Refusal:
    """The redirect URI for the response, or why none can be trusted (RFC 9700 §4.1.3)."""
    for name in ("client_id", "redirect_uri"):
        if name in parameters.repeated:
            return invalid_request(
                f"The parameter {name} is repeated.",
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
    """A client with one registered URI may omit the parameter, except in OpenID Connect (OIDC Core §3.1.2.1)."""
    is_openid = OPENID in (parameters.get("scope") or "").split(" ")
    if client_rules.may_omit_redirect_uri(client) and not is_openid:
        return client.metadata.redirect_uris[0]
    return invalid_request(
        "invalid redirect_uri: it is missing.",
        hint="Send one of the registered redirect URIs.",
        section="OIDC Core §3.1.2.1",
    )


def validate(
    client: Client, parameters: Parameters, facts: RequestFacts
) -> ValidRequest | PageRefusal | RedirectRefusal:
    """Validate the request of a known and active client."""
    redirect_uri = check_redirect_uri(client, parameters)
    if isinstance(redirect_uri, Refusal):
        return PageRefusal(redirect_uri)
    validated = _validated(client, parameters, facts, redirect_uri)
    if isinstance(validated, Refusal):
        return _by_redirect(parameters, validated, redirect_uri, facts)
    return validated


def refuse_object(
    client: Client, beside: Parameters, refusal: Refusal, facts: RequestFacts
) -> PageRefusal | RedirectRefusal:
    """Decide where to send the refusal of a request object. Nothing in the object can be trusted, so only the
    parameters ``beside`` it count, if they name a registered redirect URI (RFC 9101 §6.2, A057). The response mode is
    in the object too: a client that accepts only signed responses gets one."""
    redirect_uri = check_redirect_uri(client, beside)
    if isinstance(redirect_uri, Refusal) or beside.get("redirect_uri") is None:
        return PageRefusal(refusal)
    said = beside.get("response_mode") is not None
    if not said and client_rules.is_answered_signed(client, beside.get("response_type") or ""):
        values = {**beside.values, "response_mode": response_modes.JWT}
        beside = msgspec.structs.replace(beside, values=values)
    return _by_redirect(beside, refusal, redirect_uri, facts)


def _by_redirect(
    parameters: Parameters, refusal: Refusal, redirect_uri: str, facts: RequestFacts
) -> RedirectRefusal:
    state = None if "state" in parameters.repeated else parameters.get("state")
    echoed = state if state is not None and len(state) <= read.MAX_STATE else None
    mode = read.mode_of_refusal(parameters, facts.response_types, facts.response_modes)
    return RedirectRefusal(refusal, redirect_uri, mode, echoed)


def _way_refusal(client: Client, facts: RequestFacts) -> Refusal | None:
    """The request must be pushed (RFC 9126 §5, §6; A071) and signed (RFC 9101 §10.5; A064) if the server, the client or
    its profile requires it."""
    if facts.pushed is None and (facts.require_pushed or client_rules.must_push(client)):
        return invalid_request(
            "The request was not pushed.", hint="Use the PAR endpoint.", section="RFC 9126 §5"
        )
    if facts.signed is None and (facts.require_signed or client_rules.must_sign_requests(client)):
        return invalid_request(
            "The request is not signed.", hint="Send it as a request object.", section="RFC 9101 §10.5"
        )
    return None


def _with_push(request: AuthorizationRequested, pushed: PushedRequest) -> AuthorizationRequested | Refusal:
    """Add how the request was pushed. The person gets the full time of an interaction, even when the ``request_uri`` is
    used at the last moment. The code is bound to the key that the client proved when it pushed, or that ``dpop_jkt``
    names; both must be the same (RFC 9449 §10.1)."""
    key = code_key(request.dpop_jkt, pushed.proof)
    if isinstance(key, Refusal):
        return key
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


def _validated(
    client: Client, parameters: Parameters, facts: RequestFacts, redirect_uri: str
) -> ValidRequest | Refusal:
    refusal = (
        refusals.repeated_refusal(parameters)
        or _way_refusal(client, facts)
        or refusals.unsupported_refusal(parameters)
    )
    if refusal is not None:
        return refusal
    response_type = read.response_type(client, parameters, facts.response_types)
    if isinstance(response_type, Refusal):
        return response_type
    response_mode = read.response_mode(client, parameters, response_type, facts.response_modes)
    if isinstance(response_mode, Refusal):
        return response_mode
    scope = read.scope(client, parameters, signed=facts.signed is not None)
    if isinstance(scope, Refusal):
        return scope
    refusal = _refusal_of_the_rest(client, parameters, facts, response_type, scope)
    if refusal is not None:
        return refusal
    asked = read.asked_claims(parameters, facts.catalogue.names)
    if isinstance(asked, Refusal):
        return asked
    max_age = read.max_age(client, parameters)
    if isinstance(max_age, Refusal):
        return max_age
    request = AuthorizationRequested(
        client_id=client.client_id,
        client_generation=client.generation,
        redirect_uri=redirect_uri,
        redirect_uri_given=parameters.get("redirect_uri") is not None,
        response_type=response_type,
        response_mode=response_mode,
        scope=read.without_useless_offline_access(client, response_type, scope),
        resource=parameters.resources,
        code_challenge=read.code_challenge(parameters, response_type),
        nonce=parameters.get("nonce"),
        prompt=read.words(parameters, "prompt"),
        max_age=max_age,
        acr_values=asked.acr_values or read.acr_values(client, parameters),
        acr_essential=asked.acr_essential,
        auth_time_requested=asked.auth_time_requested or client.metadata.require_auth_time,
        id_token_claims=facts.catalogue.permitted(asked.id_token, client.metadata.scope),
        userinfo_claims=facts.catalogue.permitted(asked.userinfo, client.metadata.scope),
        display=read.display(parameters),
        ui_locales=read.words(parameters, "ui_locales"),
        claims_locales=read.words(parameters, "claims_locales"),
        browser_hash=facts.browser_hash,
        dpop_jkt=parameters.get("dpop_jkt") if facts.dpop else None,
        default_audience=client.metadata.default_audience or facts.issuer,
        sender_constraints=tuple(" ".join(sorted(ways)) for ways in client.sender_constraints),
        requested_at=facts.now,
        expires_at=facts.now + facts.interaction_lifetime,
    )
    private = PrivateParameters(
        parameters.get("state"), parameters.get("login_hint"), hinted_subject=asked.subject
    )
    return _as_it_came(request, private, facts)


def _refusal_of_the_rest(
    client: Client, parameters: Parameters, facts: RequestFacts, response_type: str, scope: tuple[str, ...]
) -> Refusal | None:
    """Check the parameters that are used unchanged."""
    return (
        refusals.id_token_refusal(response_type, scope)
        or refusals.prompt_refusal(parameters, facts.creates_accounts)
        or refusals.resource_refusal(client, parameters, scope, facts.issuer, facts.resources)
        or refusals.pkce_refusal(client, parameters, response_type, facts.pushed is not None)
        or refusals.nonce_refusal(client, parameters, response_type, scope)
        or refusals.lists_refusal(parameters)
        or (refusals.dpop_jkt_refusal(parameters) if facts.dpop else None)
        or refusals.private_refusal(parameters)
    )


def _as_it_came(
    request: AuthorizationRequested, private: PrivateParameters, facts: RequestFacts
) -> ValidRequest | Refusal:
    """Add how the request was sent: pushed, in a request object, or both."""
    if facts.pushed is not None:
        pushed = _with_push(request, facts.pushed)
        if isinstance(pushed, Refusal):
            return pushed
        request = pushed
    if facts.signed is not None:
        request = msgspec.structs.replace(
            request, request_object_hash=facts.signed.hash, request_object_kid=facts.signed.kid
        )
    return ValidRequest(request, private)
