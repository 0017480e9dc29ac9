"""Is this authorization request valid? Pure checks from parameters to ``AuthorizationRequested``
(RFC 6749 §4.1.1, OIDC Core §3.1.2.1, RFC 9700 §2.1).

Until the client and its redirect URI are sure, a refusal is a page and never a redirect (RFC 6749 §4.1.2.1).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain import claims, client as client_rules, pkce, redirect_uri as redirect_uris, resource, scope as scopes
from domain.client import Client
from domain.errors import Refusal, invalid_request, invalid_scope, unauthorized_client
from domain.grant_events import AuthorizationRequested
from domain.issue import OFFLINE_ACCESS, OPENID

MAX_STATE: Final = 4096
MAX_NONCE: Final = 1024
MAX_LIST: Final = 32
MAX_HINT: Final = 320
MAX_SAFE_INTEGER: Final = 2**53 - 1

RESPONSE_TYPES: Final = ("code",)
RESPONSE_MODES: Final = ("query", "fragment", "form_post")
PROMPTS: Final = ("none", "login", "consent", "select_account")
DISPLAYS: Final = ("page", "popup", "touch", "wap")


class Parameters(msgspec.Struct, frozen=True):
    """The request's parameters as read from the query or the form, an empty value counting as none.

    ``claims`` is the parsed JSON of the parameter, ``claims_broken`` says that it could not be parsed strictly.
    """

    values: Mapping[str, str]
    resources: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()
    claims: dict[str, Any] | None = None
    claims_broken: bool = False

    def get(self, name: str) -> str | None:
        return self.values.get(name) or None


class RequestFacts(msgspec.Struct, frozen=True):
    """What the shell knows beside the parameters. Lifetimes in seconds."""

    now: int
    issuer: str
    interaction_lifetime: int
    browser_hash: str | None = None


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
    """A refusal that goes to the client's validated redirect URI."""

    refusal: Refusal
    redirect_uri: str
    response_mode: str
    state: str | None


class _Refused(Exception):
    """Ends the list of checks; never leaves this module."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.error)
        self.refusal = refusal


def check_redirect_uri(client: Client, parameters: Parameters) -> str | Refusal:
    """The redirect URI that answers may go to, or why none can be trusted (RFC 9700 §4.1.3)."""
    for name in ("client_id", "redirect_uri"):
        if name in parameters.repeated:
            return invalid_request(f"The parameter {name} is there more than once.", "Send it once.", "RFC 6749 §3.1")
    given = parameters.get("redirect_uri")
    if given is None:
        return _only_redirect_uri(client, parameters)
    if not redirect_uris.matches(client, given):
        return invalid_request(
            "invalid redirect_uri: it is not registered for this client.",
            "Register it, and send it byte for byte.",
            "RFC 6749 §3.1.2.4",
        )
    return given


def _only_redirect_uri(client: Client, parameters: Parameters) -> str | Refusal:
    """A client with one registered URI may leave it out, except in OpenID Connect (OIDC Core §3.1.2.1)."""
    registered = client.metadata.redirect_uris
    is_openid = OPENID in (parameters.get("scope") or "").split(" ")
    if len(registered) == 1 and not is_openid:
        return registered[0]
    return invalid_request(
        "invalid redirect_uri: it is missing.", "Send one of the registered redirect URIs.", "OIDC Core §3.1.2.1"
    )


def validate(client: Client, parameters: Parameters, facts: RequestFacts) -> Valid | OnPage | ByRedirect:
    """Check the whole request of a client that is known and active."""
    redirect_uri = check_redirect_uri(client, parameters)
    if isinstance(redirect_uri, Refusal):
        return OnPage(redirect_uri)
    state = None if "state" in parameters.repeated else parameters.get("state")
    mode = parameters.get("response_mode")
    known_mode = mode if mode in RESPONSE_MODES and "response_mode" not in parameters.repeated else "query"
    try:
        return _validated(client, parameters, facts, redirect_uri)
    except _Refused as refused:
        echoed = state if state is not None and len(state) <= MAX_STATE else None
        return ByRedirect(refused.refusal, redirect_uri, known_mode, echoed)


def _validated(client: Client, parameters: Parameters, facts: RequestFacts, redirect_uri: str) -> Valid:
    _refuse_repeated(parameters)
    _refuse_unsupported(parameters)
    response_type = _response_type(client, parameters)
    response_mode = _response_mode(client, parameters)
    scope = _scope(client, parameters)
    prompt = _prompt(parameters)
    asked = _claims(parameters)
    request = AuthorizationRequested(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        redirect_uri_given=parameters.get("redirect_uri") is not None,
        response_type=response_type,
        response_mode=response_mode,
        scope=_without_useless_offline_access(client, scope),
        resource=_resource(client, parameters, scope, facts.issuer),
        code_challenge=_code_challenge(client, parameters),
        nonce=_limited(parameters, "nonce", MAX_NONCE),
        prompt=prompt,
        max_age=_max_age(client, parameters),
        acr_values=asked.acr_values or _list(parameters, "acr_values") or client.metadata.default_acr_values,
        acr_essential=asked.acr_essential,
        auth_time_requested=asked.auth_time_requested or client.metadata.require_auth_time,
        id_token_claims=asked.id_token,
        userinfo_claims=asked.userinfo,
        display=_display(parameters),
        ui_locales=_list(parameters, "ui_locales"),
        browser_hash=facts.browser_hash,
        requested_at=facts.now,
        expires_at=facts.now + facts.interaction_lifetime,
    )
    private = PrivateParameters(
        state=_limited(parameters, "state", MAX_STATE),
        login_hint=_limited(parameters, "login_hint", MAX_HINT),
        hinted_subject=asked.subject,
    )
    return Valid(request, private)


def _refuse_repeated(parameters: Parameters) -> None:
    """RFC 6749 §3.1; only ``resource`` may repeat (RFC 8707 §2)."""
    for name in sorted(parameters.repeated - {"resource"}):
        if name in KNOWN:
            raise _Refused(
                invalid_request(f"The parameter {name} is there more than once.", "Send it once.", "RFC 6749 §3.1")
            )


def _refuse_unsupported(parameters: Parameters) -> None:
    """What cannot be honoured is said to be so and never ignored (OIDC Core §3.1.2.6)."""
    for name, error in UNSUPPORTED.items():
        if parameters.get(name) is not None:
            raise _Refused(Refusal(error, f"The parameter {name} is not supported.", "", "OIDC Core §3.1.2.6"))


def _response_type(client: Client, parameters: Parameters) -> str:
    given = parameters.get("response_type")
    if given is None:
        raise _Refused(invalid_request("The response_type is missing.", "Send response_type=code.", "RFC 6749 §4.1.1"))
    wanted = " ".join(sorted(given.split(" ")))
    if wanted not in RESPONSE_TYPES:
        raise _Refused(
            Refusal("unsupported_response_type", "This response_type is not supported.", "Send code.", "RFC 6749 §3.1.1")
        )
    if not client_rules.may_use_response_type(client, wanted):
        raise _Refused(unauthorized_client("The client may not use this response_type.", "Register it."))
    if not client_rules.may_use_grant(client, "authorization_code"):
        raise _Refused(unauthorized_client("The client may not use the authorization code.", "Register the grant."))
    return wanted


def _response_mode(client: Client, parameters: Parameters) -> str:
    mode = parameters.get("response_mode") or "query"
    if mode not in RESPONSE_MODES:
        raise _Refused(
            invalid_request("This response_mode is not supported.", "See response_modes_supported.", "OAuth MRT §2.1")
        )
    if client.metadata.response_modes and mode not in client.metadata.response_modes:
        raise _Refused(unauthorized_client("The client may not use this response_mode.", "Register it."))
    return mode


def _scope(client: Client, parameters: Parameters) -> tuple[str, ...]:
    given = parameters.get("scope")
    if given is None:
        raise _Refused(invalid_scope("The scope is missing.", "Name at least one scope value."))
    parsed = scopes.parse(given)
    if isinstance(parsed, Refusal):
        raise _Refused(parsed)
    if not set(parsed) <= set(client.metadata.scope):
        raise _Refused(invalid_scope("The scope holds more than the client may ask for.", "Ask for what is registered."))
    return parsed


def _without_useless_offline_access(client: Client, scope: tuple[str, ...]) -> tuple[str, ...]:
    """A client that cannot refresh is not asked to agree to offline access (OIDC Core §11: ignored)."""
    if client_rules.may_use_grant(client, "refresh_token"):
        return scope
    return tuple(value for value in scope if value != OFFLINE_ACCESS)


def _resource(client: Client, parameters: Parameters, scope: tuple[str, ...], issuer: str) -> tuple[str, ...]:
    audience = resource.audience_for(client, parameters.resources, scope, issuer)
    if isinstance(audience, Refusal):
        raise _Refused(audience)
    return parameters.resources


def _code_challenge(client: Client, parameters: Parameters) -> str | None:
    """PKCE with S256 only; required as the client's profile says (RFC 7636 §4.3, RFC 9700 §2.1.1)."""
    challenge = parameters.get("code_challenge")
    method = parameters.get("code_challenge_method")
    if challenge is None:
        if method is not None:
            raise _Refused(invalid_request("There is a code_challenge_method without code_challenge.", "Send both."))
        if client_rules.requires_pkce(client):
            raise _Refused(
                invalid_request("The code_challenge is missing.", "Use PKCE with S256.", "RFC 7636 §4.4.1")
            )
        return None
    if method != "S256":
        raise _Refused(
            invalid_request("The code_challenge_method is not S256.", "Send code_challenge_method=S256.", "RFC 7636 §4.3")
        )
    if not pkce.is_challenge(challenge):
        raise _Refused(
            invalid_request("The code_challenge is malformed.", "It is the base64url SHA-256 of the verifier.")
        )
    return challenge


def _prompt(parameters: Parameters) -> tuple[str, ...]:
    values = _list(parameters, "prompt")
    if "none" in values and len(values) > 1:
        raise _Refused(invalid_request("prompt=none stands alone.", "Leave out the others.", "OIDC Core §3.1.2.1"))
    if not set(values) <= set(PROMPTS):
        raise _Refused(invalid_request("This prompt is not supported.", "See prompt_values_supported."))
    return values


def _max_age(client: Client, parameters: Parameters) -> int | None:
    given = parameters.get("max_age")
    if given is None:
        return client.metadata.default_max_age
    if not (given.isascii() and given.isdigit()) or len(given) > 16 or int(given) > MAX_SAFE_INTEGER:
        raise _Refused(invalid_request("The max_age is not a number of seconds.", "Send 0 or more."))
    return int(given)


def _claims(parameters: Parameters) -> claims.Asked:
    if parameters.claims_broken:
        raise _Refused(invalid_request("The claims parameter is not acceptable JSON.", "See OIDC Core 5.5."))
    if parameters.claims is None:
        return claims.Asked()
    asked = claims.read(parameters.claims)
    if isinstance(asked, Refusal):
        raise _Refused(asked)
    return asked


def _display(parameters: Parameters) -> str:
    """Unknown values are shown as a page: the parameter is a wish (OIDC Core §3.1.2.1)."""
    display = parameters.get("display") or "page"
    return display if display in DISPLAYS else "page"


def _list(parameters: Parameters, name: str) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(value for value in (parameters.get(name) or "").split(" ") if value))
    if len(values) > MAX_LIST or any(len(value) > 255 for value in values):
        raise _Refused(invalid_request(f"The parameter {name} is too long.", "Send fewer values."))
    return values


def _limited(parameters: Parameters, name: str, most: int) -> str | None:
    value = parameters.get(name)
    if value is not None and len(value) > most:
        raise _Refused(invalid_request(f"The parameter {name} is too long.", f"Send at most {most} characters."))
    return value


UNSUPPORTED: Final = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
KNOWN: Final = frozenset(
    {
        "scope", "response_type", "response_mode", "state", "nonce", "display", "prompt", "max_age", "ui_locales",
        "claims_locales", "id_token_hint", "login_hint", "acr_values", "claims", "code_challenge",
        "code_challenge_method", *UNSUPPORTED,
    }
)  # fmt: skip
