"""What each parameter of an authorization request may say (RFC 6749 §4.1.1, OIDC Core §3.1.2.1, RFC 7636 §4.3).

Each reader gives the value that goes into ``AuthorizationRequested``, or raises ``Refused``.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.client import client as client_rules
from domain.client import resource
from domain.client.client import Client
from domain.errors import Refusal, invalid_request, invalid_scope
from domain.grant.issue import OFFLINE_ACCESS, OPENID
from domain.vocabulary import claims, pkce
from domain.vocabulary import response_mode as response_modes
from domain.vocabulary import response_type as response_types
from domain.vocabulary import scope as scopes
from domain.vocabulary.confirmation import is_thumbprint

MAX_STATE: Final = 4096
MAX_NONCE: Final = 1024
MAX_LIST: Final = 32
MAX_HINT: Final = 320
MAX_SAFE_INTEGER: Final = 2**53 - 1

PROMPTS: Final = ("none", "login", "consent", "select_account")
#: Offered where people make their own accounts (Initiating User Registration §4.1).
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
    """The request's parameters as read from the query or the form, an empty value counting as none.

    ``claims`` is the parsed JSON of the parameter, ``claims_broken`` says that it could not be parsed strictly.
    """

    values: Mapping[str, str]
    resources: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()
    claims: dict[str, Any] | None = None
    claims_broken: bool = False

    def get(self, name: str) -> str | None:
        """The parameter, None when it is missing or empty (RFC 6749 §3.1)."""
        return self.values.get(name) or None


class Refused(Exception):
    """Ends the list of checks; ``validate`` alone catches it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.error)
        self.refusal = refusal


def refuse_if(refusal: Refusal | None) -> None:
    """Go on only when nothing speaks against it."""
    if refusal is not None:
        raise Refused(refusal)


def refuse_repeated(parameters: Parameters) -> None:
    """RFC 6749 §3.1; only ``resource`` may repeat (RFC 8707 §2)."""
    for name in sorted(parameters.repeated - {"resource"}):
        if name in KNOWN:
            raise Refused(
                invalid_request(
                    f"The parameter {name} is there more than once.",
                    hint="Send it once.",
                    section="RFC 6749 §3.1",
                )
            )


def refuse_unsupported(parameters: Parameters) -> None:
    """What cannot be honoured is said to be so and never ignored (OIDC Core §3.1.2.6)."""
    for name, error in UNSUPPORTED.items():
        if parameters.get(name) is not None:
            raise Refused(
                Refusal(
                    error, f"The parameter {name} is not supported.", hint="", section="OIDC Core §3.1.2.6"
                )
            )


def response_type(client: Client, parameters: Parameters, offered: tuple[str, ...]) -> str:
    """A response type that is offered here and registered by the client; its words have no order (OAuth MRT §3)."""
    given = parameters.get("response_type")
    if given is None:
        raise Refused(
            invalid_request(
                "The response_type is missing.", hint="Send response_type=code.", section="RFC 6749 §4.1.1"
            )
        )
    wanted = response_types.spelled(given)
    if wanted not in offered:
        raise Refused(
            Refusal(
                "unsupported_response_type",
                "This response_type is not supported.",
                hint="See response_types_supported.",
                section="RFC 6749 §3.1.1",
            )
        )
    refuse_if(client_rules.response_type_refusal(client, wanted))
    return wanted


def response_mode(
    client: Client, parameters: Parameters, response_type: str, offered: tuple[str, ...]
) -> str:
    """How the answer travels; when nothing is said, as is usual for the response type (OAuth MRT §2.1)."""
    mode = parameters.get("response_mode") or response_modes.default_for(response_type)
    if mode not in offered:
        raise Refused(
            invalid_request(
                "This response_mode is not supported.",
                hint="See response_modes_supported.",
                section="OAuth MRT §2.1",
            )
        )
    refuse_if(client_rules.response_mode_refusal(client, response_type, mode))
    return mode


def mode_of_refusal(parameters: Parameters, types: tuple[str, ...], modes: tuple[str, ...]) -> str:
    """How a refusal travels: as the answer would have. Where that cannot be told it is as asked for, else in the query;
    and where tokens would have come, never in the query (OAuth MRT §2.1, §3). A mode in full."""
    asked = parameters.get("response_mode")
    wanted = response_types.spelled(parameters.get("response_type") or "")
    known = wanted in types and "response_type" not in parameters.repeated
    usual = response_modes.default_for(wanted) if known else response_modes.QUERY
    if asked not in modes or "response_mode" in parameters.repeated:
        return usual
    if asked == response_modes.QUERY:
        return usual
    return response_modes.in_full(asked, wanted if known else response_types.CODE)


def scope(client: Client, parameters: Parameters, signed: bool = False) -> tuple[str, ...]:
    """The scope asked for, within the client's registration (RFC 6749 §3.3); there is no default. ``signed``: in a
    request object, which is not valid without it (RFC 9101 §6.3)."""
    given = parameters.get("scope")
    if given is None:
        missing, hint = "The scope is missing.", "Name at least one scope value."
        if signed:
            raise Refused(Refusal("invalid_request_object", missing, hint=hint, section="RFC 9101 §6.3"))
        raise Refused(invalid_scope(missing, hint=hint))
    parsed = scopes.parse(given)
    if isinstance(parsed, Refusal):
        raise Refused(parsed)
    if not set(parsed) <= set(client.metadata.scope):
        raise Refused(
            invalid_scope(
                "The scope holds more than the client may ask for.", hint="Ask for what is registered."
            )
        )
    return parsed


def without_useless_offline_access(
    client: Client, response_type: str, scope: tuple[str, ...]
) -> tuple[str, ...]:
    """Where no refresh token can come of it, nobody is asked to agree to offline access (OIDC Core §11: ignored)."""
    if client_rules.may_use_grant(client, "refresh_token") and response_types.gives_code(response_type):
        return scope
    return tuple(value for value in scope if value != OFFLINE_ACCESS)


def refuse_id_token_without_openid(response_type: str, scope: tuple[str, ...]) -> None:
    """Who asks for an ID token by its response type asks for ``openid`` too (OIDC Core §3.1.2.1)."""
    if response_types.gives_id_token(response_type) and OPENID not in scope:
        raise Refused(
            invalid_request(
                "An ID token needs the scope openid.",
                hint="Add openid to the scope.",
                section="OIDC Core §3.2.2.1",
            )
        )


def nonce(client: Client, parameters: Parameters, response_type: str, scope: tuple[str, ...]) -> str | None:
    """What binds the ID token to the client's session; needed where the browser brings it (OIDC Core §3.2.2.1), or the
    client's profile says so."""
    given = limited(parameters, "nonce", MAX_NONCE)
    is_needed = client.profile.nonce_required and OPENID in scope
    if given is None and (is_needed or response_types.gives_id_token(response_type)):
        raise Refused(
            invalid_request("The nonce is missing.", hint="Send a nonce.", section="OIDC Core §3.2.2.1")
        )
    return given


def resources(client: Client, parameters: Parameters, scope: tuple[str, ...], issuer: str) -> tuple[str, ...]:
    """The resources asked for, each one the client's to ask for (RFC 8707 §2)."""
    audience = resource.audience_for(client, parameters.resources, scope, issuer)
    if isinstance(audience, Refusal):
        raise Refused(audience)
    return parameters.resources


def code_challenge(
    client: Client, parameters: Parameters, response_type: str, pushed: bool = False
) -> str | None:
    """PKCE with S256 only; required as the client's profile says (RFC 7636 §4.3, RFC 9700 §2.1.1). Without a code there
    is nothing to prove."""
    if not response_types.gives_code(response_type):
        return None
    challenge = parameters.get("code_challenge")
    method = parameters.get("code_challenge_method")
    if challenge is None:
        if method is not None:
            raise Refused(
                invalid_request("There is a code_challenge_method without code_challenge.", hint="Send both.")
            )
        if client_rules.requires_pkce(client, pushed):
            raise Refused(
                invalid_request(
                    "The code_challenge is missing.", hint="Use PKCE with S256.", section="RFC 7636 §4.4.1"
                )
            )
        return None
    if method != "S256":
        raise Refused(
            invalid_request(
                "The code_challenge_method is not S256.",
                hint="Send code_challenge_method=S256.",
                section="RFC 7636 §4.3",
            )
        )
    if not pkce.is_challenge(challenge):
        raise Refused(
            invalid_request(
                "The code_challenge is malformed.", hint="It is the base64url SHA-256 of the verifier."
            )
        )
    return challenge


def prompt(parameters: Parameters, creates_accounts: bool = False) -> tuple[str, ...]:
    """What the person is to be asked again; ``none`` stands alone (OIDC Core §3.1.2.1). ``create`` beside others is
    advised against and not forbidden: who makes an account signs in by it (Initiating User Registration §4.1)."""
    values = values_of(parameters, "prompt")
    if "none" in values and len(values) > 1:
        raise Refused(
            invalid_request(
                "prompt=none stands alone.", hint="Leave out the others.", section="OIDC Core §3.1.2.1"
            )
        )
    if not set(values) <= {*PROMPTS, *([CREATE] if creates_accounts else [])}:
        raise Refused(invalid_request("This prompt is not supported.", hint="See prompt_values_supported."))
    return values


def max_age(client: Client, parameters: Parameters) -> int | None:
    """How many seconds ago the person may have signed in, at most; else what the client registered."""
    given = parameters.get("max_age")
    if given is None:
        return client.metadata.default_max_age
    if not (given.isascii() and given.isdigit()) or len(given) > 16 or int(given) > MAX_SAFE_INTEGER:
        raise Refused(invalid_request("The max_age is not a number of seconds.", hint="Send 0 or more."))
    return int(given)


def asked_claims(parameters: Parameters) -> claims.Asked:
    """What the ``claims`` parameter asks for (OIDC Core §5.5)."""
    if parameters.claims_broken:
        raise Refused(
            invalid_request(
                "The claims parameter is not acceptable JSON.",
                hint="Send an object with the members userinfo and id_token.",
            )
        )
    if parameters.claims is None:
        return claims.Asked()
    asked = claims.read(parameters.claims)
    if isinstance(asked, Refusal):
        raise Refused(asked)
    return asked


def display(parameters: Parameters) -> str:
    """Unknown values are shown as a page: the parameter is a wish (OIDC Core §3.1.2.1)."""
    display = parameters.get("display") or "page"
    return display if display in DISPLAYS else "page"


def acr_values(client: Client, parameters: Parameters) -> tuple[str, ...]:
    """The authentication contexts that would be welcome, else those the client registered (OIDC DCR §2)."""
    return values_of(parameters, "acr_values") or client.metadata.default_acr_values


def values_of(parameters: Parameters, name: str) -> tuple[str, ...]:
    """The values of a list separated by spaces, each once."""
    values = tuple(dict.fromkeys(value for value in (parameters.get(name) or "").split(" ") if value))
    if len(values) > MAX_LIST or any(len(value) > 255 for value in values):
        raise Refused(invalid_request(f"The parameter {name} is too long.", hint="Send fewer values."))
    return values


def dpop_jkt(parameters: Parameters) -> str | None:
    """The thumbprint of the key that the code is to be bound to (RFC 9449 §10)."""
    value = parameters.get("dpop_jkt")
    if value is not None and not is_thumbprint(value):
        raise Refused(
            invalid_request(
                "The dpop_jkt is malformed.",
                hint="Send the key's SHA-256 thumbprint.",
                section="RFC 9449 §10",
            )
        )
    return value


def limited(parameters: Parameters, name: str, most: int) -> str | None:
    """A parameter of at most ``most`` characters."""
    value = parameters.get(name)
    if value is not None and len(value) > most:
        raise Refused(
            invalid_request(f"The parameter {name} is too long.", hint=f"Send at most {most} characters.")
        )
    return value
