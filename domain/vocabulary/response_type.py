"""OAuth 2.0 Multiple Response Type Encoding Practices, OIDC Core §3: the contents of an authorization response.

A response type is a set of words, written here in alphabetical order. ``token`` alone is not supported and never will
be: the response has nothing that proves who the access token is for (RFC 9700 §2.1.2).
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
    """The words in alphabetical order (OAuth MRT §3, A016). A text that is not a response type stays unknown."""
    return " ".join(sorted(text.split(" ")))


def gives_code(response_type: str) -> bool:
    """Whether the response contains an authorization code."""
    return CODE in response_type.split(" ")


def gives_id_token(response_type: str) -> bool:
    """Whether the authorization response contains an ID token."""
    return ID_TOKEN in response_type.split(" ")


def gives_access_token(response_type: str) -> bool:
    """Whether the authorization response contains an access token."""
    return TOKEN in response_type.split(" ")


def gives_tokens(response_type: str) -> bool:
    """Whether tokens pass through the browser. Such a response must never be in a query (OAuth MRT §3)."""
    return gives_id_token(response_type) or gives_access_token(response_type)


def grant_types_of(response_type: str) -> tuple[str, ...]:
    """The grant types that a client needs for the response type (OIDC DCR §2); ``none`` needs none."""
    by_code = ("authorization_code",) if gives_code(response_type) else ()
    return (*by_code, "implicit") if gives_tokens(response_type) else by_code
