"""OAuth 2.0 Multiple Response Type Encoding Practices, OIDC Core §3: what the authorization endpoint can answer with.

A response type is a set of words; it is spelled here with its words in alphabetical order. ``token`` alone is not
among them and never will be: it gives an access token to whom nothing proves that it is theirs (RFC 9700 §2.1.2).
"""

from typing import Final

CODE: Final = "code"
ID_TOKEN: Final = "id_token"  # noqa: S105 - a response type
TOKEN: Final = "token"  # noqa: S105 - a response type
NONE: Final = "none"

IMPLICIT_TYPES: Final = ("id_token", "id_token token")
HYBRID_TYPES: Final = ("code id_token", "code token", "code id_token token")
RESPONSE_TYPES: Final = (CODE, *IMPLICIT_TYPES, *HYBRID_TYPES, NONE)


def spelled(text: str) -> str:
    """The words in their one order (OAuth MRT §3, A016); a text that is no response type stays none."""
    return " ".join(sorted(text.split(" ")))


def gives_code(response_type: str) -> bool:
    """Whether the answer holds an authorization code."""
    return CODE in response_type.split(" ")


def gives_id_token(response_type: str) -> bool:
    """Whether the answer itself holds an ID token."""
    return ID_TOKEN in response_type.split(" ")


def gives_access_token(response_type: str) -> bool:
    """Whether the answer itself holds an access token."""
    return TOKEN in response_type.split(" ")


def gives_tokens(response_type: str) -> bool:
    """Whether tokens pass through the browser: what must never be in a query (OAuth MRT §3)."""
    return gives_id_token(response_type) or gives_access_token(response_type)


def grant_types_of(response_type: str) -> tuple[str, ...]:
    """The grant types that a client needs for it (OIDC DCR §2); ``none`` needs none."""
    by_code = ("authorization_code",) if gives_code(response_type) else ()
    return (*by_code, "implicit") if gives_tokens(response_type) else by_code
