"""What the introspection endpoints share: who may ask, and the members of an answer (RFC 7662)."""

from typing import Any, Final

from domain.errors import invalid_client, invalid_request
from domain.grant.events import AccessTokenIssued, confirmation_of, token_type_of

#: The whole answer for a token that is not active, or not meant for the caller (RFC 7662 §2.2).
INACTIVE: Final[dict[str, Any]] = {"active": False}


#: Only a client that authenticated may ask.
NOT_FOR_PUBLIC: Final = invalid_client(
    "A public client may not introspect.",
    reason="public_client",
    hint="Register a client that authenticates.",
    section="RFC 7662 §2.1",
)
NO_TOKEN: Final = invalid_request("The token is missing.", hint="Send the token.", section="RFC 7662 §2.1")


def members_of(issuer: str, issued: AccessTokenIssued, subject: str | None) -> dict[str, Any]:
    """The members about an active token. ``subject`` is the ``sub`` that the token's own client knows, whoever asks
    (A156); None: nothing is said of who it is about."""
    members: dict[str, Any] = {
        "active": True,
        "scope": " ".join(issued.scope),
        "client_id": issued.client_id,
        "token_type": token_type_of(issued),
        "exp": issued.expires_at,
        "iat": issued.issued_at,
        "sub": subject,
        "aud": issued.audience[0] if len(issued.audience) == 1 else list(issued.audience),
        "iss": issuer,
        "jti": issued.token_id,
    }
    if subject is None:
        del members["sub"]
    elif issued.subject is not None:
        members |= {"auth_time": issued.auth_time, "acr": issued.acr}
    bound_to = confirmation_of(issued)
    if bound_to.is_bound:
        members["cnf"] = bound_to.members
    return members
