"""Checks of the authorization request parameters that are used unchanged (RFC 6749 §4.1.1, OIDC Core §3.1.2.1, RFC 7636
§4.3). Each function returns the refusal, or None when the parameter is valid."""

from domain.authorization.parameters import (
    CREATE,
    KNOWN,
    MAX_HINT,
    MAX_LIST,
    MAX_NONCE,
    MAX_STATE,
    MAX_WORD,
    PROMPTS,
    UNSUPPORTED,
    Parameters,
    words,
)
from domain.client import client as client_rules
from domain.client import resource
from domain.client.client import Client
from domain.errors import Refusal, invalid_request
from domain.grant.issue import OPENID
from domain.resource.resource import Resources
from domain.vocabulary import pkce
from domain.vocabulary import response_type as response_types
from domain.vocabulary.confirmation import is_thumbprint


def repeated_refusal(parameters: Parameters) -> Refusal | None:
    """RFC 6749 §3.1: no parameter may be repeated, except ``resource`` (RFC 8707 §2)."""
    for name in sorted(parameters.repeated - {"resource"}):
        if name in KNOWN:
            return invalid_request(
                f"The parameter {name} is repeated.",
                hint="Send it once.",
                section="RFC 6749 §3.1",
            )
    return None


def unsupported_refusal(parameters: Parameters) -> Refusal | None:
    """Refuse unsupported parameters with their own error instead of ignoring them (OIDC Core §3.1.2.6)."""
    for name, error in UNSUPPORTED.items():
        if parameters.get(name) is not None:
            return Refusal(
                error, f"The parameter {name} is not supported.", hint="", section="OIDC Core §3.1.2.6"
            )
    return None


def id_token_refusal(response_type: str, scope: tuple[str, ...]) -> Refusal | None:
    """A response type with an ID token requires the scope ``openid`` (OIDC Core §3.1.2.1)."""
    if response_types.gives_id_token(response_type) and OPENID not in scope:
        return invalid_request(
            "An ID token needs the scope openid.",
            hint="Add openid to the scope.",
            section="OIDC Core §3.2.2.1",
        )
    return None


def nonce_refusal(
    client: Client, parameters: Parameters, response_type: str, scope: tuple[str, ...]
) -> Refusal | None:
    """The nonce binds the ID token to the client's session. It is required when the ID token comes through the browser
    (OIDC Core §3.2.2.1) or when the client's profile requires it."""
    is_needed = client.profile.nonce_required and OPENID in scope
    if parameters.get("nonce") is None and (is_needed or response_types.gives_id_token(response_type)):
        return invalid_request("The nonce is missing.", hint="Send a nonce.", section="OIDC Core §3.2.2.1")
    return length_refusal(parameters, "nonce", MAX_NONCE)


def resource_refusal(
    client: Client, parameters: Parameters, scope: tuple[str, ...], issuer: str, resources: Resources
) -> Refusal | None:
    """The client must be allowed to request each of the resources (RFC 8707 §2), and none of them may be retired."""
    audience = resource.audience_for(client, parameters.resources, scope, issuer, resources=resources)
    return audience if isinstance(audience, Refusal) else None


def pkce_refusal(
    client: Client, parameters: Parameters, response_type: str, pushed: bool = False
) -> Refusal | None:
    """PKCE must use S256. Whether it is required depends on the client's profile (RFC 7636 §4.3, RFC 9700 §2.1.1)."""
    if not response_types.gives_code(response_type):
        return None
    challenge = parameters.get("code_challenge")
    method = parameters.get("code_challenge_method")
    if challenge is None:
        if method is not None:
            return invalid_request(
                "There is a code_challenge_method without a code_challenge.", hint="Send both."
            )
        if client_rules.requires_pkce(client, pushed):
            return invalid_request(
                "The code_challenge is missing.", hint="Use PKCE with S256.", section="RFC 7636 §4.4.1"
            )
        return None
    if method != "S256":
        return invalid_request(
            "The code_challenge_method is not S256.",
            hint="Send code_challenge_method=S256.",
            section="RFC 7636 §4.3",
        )
    if not pkce.is_challenge(challenge):
        return invalid_request(
            "The code_challenge is malformed.", hint="It is the base64url SHA-256 of the verifier."
        )
    return None


def prompt_refusal(parameters: Parameters, creates_accounts: bool = False) -> Refusal | None:
    """``none`` must be the only value (OIDC Core §3.1.2.1). ``create`` together with others is discouraged but allowed:
    a person who creates an account has signed in (Initiating User Registration §4.1)."""
    values = words(parameters, "prompt")
    if "none" in values and len(values) > 1:
        return invalid_request(
            "prompt=none must be the only value.", hint="Leave out the others.", section="OIDC Core §3.1.2.1"
        )
    if not set(values) <= {*PROMPTS, *([CREATE] if creates_accounts else [])}:
        return invalid_request("This prompt is not supported.", hint="See prompt_values_supported.")
    return list_refusal(parameters, "prompt")


def list_refusal(parameters: Parameters, name: str) -> Refusal | None:
    """A list has at most ``MAX_LIST`` values of at most ``MAX_WORD`` characters."""
    if parameters.get(name) is None:
        return None
    values = words(parameters, name)
    if len(values) > MAX_LIST or any(len(value) > MAX_WORD for value in values):
        return invalid_request(f"The parameter {name} is too long.", hint="Send fewer values.")
    return None


def dpop_jkt_refusal(parameters: Parameters) -> Refusal | None:
    """``dpop_jkt`` must have the form of a key's thumbprint (RFC 9449 §10)."""
    value = parameters.get("dpop_jkt")
    if value is None or is_thumbprint(value):
        return None
    return invalid_request(
        "The dpop_jkt is malformed.", hint="Send the key's SHA-256 thumbprint.", section="RFC 9449 §10"
    )


def length_refusal(parameters: Parameters, name: str, most: int) -> Refusal | None:
    """A parameter has at most ``most`` characters."""
    value = parameters.get(name)
    if value is None or len(value) <= most:
        return None
    return invalid_request(f"The parameter {name} is too long.", hint=f"Send at most {most} characters.")


def private_refusal(parameters: Parameters) -> Refusal | None:
    """Limit the parameters that are stored sealed while the request is open."""
    return length_refusal(parameters, "state", MAX_STATE) or length_refusal(
        parameters, "login_hint", MAX_HINT
    )


def lists_refusal(parameters: Parameters) -> Refusal | None:
    """Limit the lists of preferences, whether or not they are followed."""
    return (
        list_refusal(parameters, "acr_values")
        or list_refusal(parameters, "ui_locales")
        or list_refusal(parameters, "claims_locales")
    )
