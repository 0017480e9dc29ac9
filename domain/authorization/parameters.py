"""The parameters of an authorization request (RFC 6749 §4.1.1, OIDC Core §3.1.2.1, RFC 7636 §4.3).

Each reader returns the value for ``AuthorizationRequested``, or a refusal. Parameters that are used unchanged are
checked in ``parameter_refusals.py``.
"""

from collections.abc import Container, Mapping
from typing import Any, Final

import msgspec

from domain.client import client as client_rules
from domain.client.client import Client
from domain.errors import Refusal, invalid_request, invalid_scope
from domain.grant.issue import OFFLINE_ACCESS
from domain.vocabulary import claims
from domain.vocabulary import response_mode as response_modes
from domain.vocabulary import response_type as response_types
from domain.vocabulary import scope as scopes

MAX_STATE: Final = 4096
MAX_NONCE: Final = 1024
MAX_LIST: Final = 32
MAX_WORD: Final = 255
MAX_HINT: Final = 320
MAX_SAFE_INTEGER: Final = 2**53 - 1

PROMPTS: Final = ("none", "login", "consent", "select_account")
#: Supported if people may create their own accounts (Initiating User Registration §4.1).
CREATE: Final = "create"
DISPLAYS: Final = ("page", "popup", "touch", "wap")
UNSUPPORTED: Final = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
KNOWN: Final = frozenset(
    {
        "scope", "response_type", "response_mode", "state", "nonce", "display", "prompt", "max_age", "ui_locales",
        "claims_locales", "id_token_hint", "login_hint", "acr_values", "claims", "code_challenge",
        "code_challenge_method", "dpop_jkt", *UNSUPPORTED,
    }
)  # fmt: skip


class Parameters(msgspec.Struct, frozen=True):
    """The request's parameters from the query or the form. An empty value counts as absent.

    ``claims`` is the parsed JSON of the parameter. ``claims_broken`` says that strict parsing failed.
    """

    values: Mapping[str, str]
    resources: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()
    claims: dict[str, Any] | None = None
    claims_broken: bool = False

    def get(self, name: str) -> str | None:
        """The parameter; None when it is missing or empty (RFC 6749 §3.1)."""
        return self.values.get(name) or None


def response_type(client: Client, parameters: Parameters, offered: tuple[str, ...]) -> str | Refusal:
    """The response type, which this server must offer and the client must have registered. The order of its words does
    not matter (OAuth MRT §3)."""
    given = parameters.get("response_type")
    if given is None:
        return invalid_request(
            "The response_type is missing.", hint="Send response_type=code.", section="RFC 6749 §4.1.1"
        )
    wanted = response_types.spelled(given)
    if wanted not in offered:
        return Refusal(
            "unsupported_response_type",
            "This response_type is not supported.",
            hint="See response_types_supported.",
            section="RFC 6749 §3.1.1",
        )
    return client_rules.response_type_refusal(client, wanted) or wanted


def response_mode(
    client: Client, parameters: Parameters, response_type: str, offered: tuple[str, ...]
) -> str | Refusal:
    """The response mode; without the parameter, the default of the response type (OAuth MRT §2.1)."""
    mode = parameters.get("response_mode") or response_modes.default_for(response_type)
    if mode not in offered:
        return invalid_request(
            "This response_mode is not supported.",
            hint="See response_modes_supported.",
            section="OAuth MRT §2.1",
        )
    return client_rules.response_mode_refusal(client, response_type, mode) or mode


def mode_of_refusal(parameters: Parameters, types: tuple[str, ...], modes: tuple[str, ...]) -> str:
    """The response mode of a refusal, by its full name: the mode that the response would have had. If the response type
    is unknown, the requested mode is used, else the query. A refusal is never in the query when tokens would have been
    in the response (OAuth MRT §2.1, §3)."""
    asked = parameters.get("response_mode")
    wanted = response_types.spelled(parameters.get("response_type") or "")
    known = wanted in types and "response_type" not in parameters.repeated
    usual = response_modes.default_for(wanted) if known else response_modes.QUERY
    if asked not in modes or "response_mode" in parameters.repeated:
        return usual
    if asked == response_modes.QUERY:
        return usual
    return response_modes.in_full(asked, wanted if known else response_types.CODE)


def scope(client: Client, parameters: Parameters, signed: bool = False) -> tuple[str, ...] | Refusal:
    """The requested scope, within the client's registration (RFC 6749 §3.3). There is no default. Values that the
    client may not request are left out as long as something remains (OIDC Core §3.1.2.1); the response names the
    granted scope. ``signed``: the parameters came in a request object, which is not valid without a scope (RFC 9101
    §6.3)."""
    given = parameters.get("scope")
    if given is None:
        missing, hint = "The scope is missing.", "Name at least one scope value."
        if signed:
            return Refusal("invalid_request_object", missing, hint=hint, section="RFC 9101 §6.3")
        return invalid_scope(missing, hint=hint)
    parsed = scopes.parse(given)
    if isinstance(parsed, Refusal):
        return parsed
    allowed = tuple(value for value in parsed if value in client.metadata.scope)
    if not allowed:
        return invalid_scope(
            f"The client may not ask for the scope {scopes.shown(parsed)}.",
            hint=scopes.hint_for(parsed, "Ask for what is registered."),
        )
    return allowed


def without_useless_offline_access(
    client: Client, response_type: str, scope: tuple[str, ...]
) -> tuple[str, ...]:
    """Drop ``offline_access`` when no refresh token can be issued, so that nobody is asked to consent to it (OIDC Core
    §11: ignored)."""
    if client_rules.may_use_grant(client, "refresh_token") and response_types.gives_code(response_type):
        return scope
    return tuple(value for value in scope if value != OFFLINE_ACCESS)


def code_challenge(parameters: Parameters, response_type: str) -> str | None:
    """The code challenge; None when the response type has no code."""
    return parameters.get("code_challenge") if response_types.gives_code(response_type) else None


def max_age(client: Client, parameters: Parameters) -> int | Refusal | None:
    """The most seconds since the person signed in; without the parameter, the client's registered default."""
    given = parameters.get("max_age")
    if given is None:
        return client.metadata.default_max_age
    if not (given.isascii() and given.isdigit()) or len(given) > 16 or int(given) > MAX_SAFE_INTEGER:
        return invalid_request("The max_age is not a number of seconds.", hint="Send 0 or more.")
    return int(given)


def asked_claims(parameters: Parameters, known: Container[str]) -> claims.ClaimsRequest | Refusal:
    """The parsed ``claims`` parameter (OIDC Core §5.5), of the claims that are ``known``."""
    if parameters.claims_broken:
        return invalid_request(
            "The claims parameter is not valid JSON.",
            hint="Send an object with the members userinfo and id_token.",
        )
    if parameters.claims is None:
        return claims.ClaimsRequest()
    return claims.read(parameters.claims, known)


def display(parameters: Parameters) -> str:
    """The requested display. Unknown values mean ``page``, because the parameter is only a preference (OIDC Core
    §3.1.2.1)."""
    display = parameters.get("display") or "page"
    return display if display in DISPLAYS else "page"


def acr_values(client: Client, parameters: Parameters) -> tuple[str, ...]:
    """The preferred authentication contexts; without the parameter, those that the client registered (OIDC DCR §2)."""
    return words(parameters, "acr_values") or client.metadata.default_acr_values


def words(parameters: Parameters, name: str) -> tuple[str, ...]:
    """The values of a space-separated list, without duplicates."""
    given = parameters.get(name)
    return () if given is None else tuple(dict.fromkeys(value for value in given.split(" ") if value))
