"""Refusals: an OAuth error code, a description, a hint, and the section of the rule.

A refusal is a value that ``decide`` returns, never an exception: a replayed code must append events *and* be refused,
and an exception would roll the append back.
"""

from typing import Final

import msgspec

#: The section of a refusal for which no closer rule is named: that of the error responses themselves.
ERROR_RESPONSE: Final = "RFC 6749 §5.2"


class _ErrorResponse(msgspec.Struct, frozen=True):
    """The fields of an error response (RFC 6749 §5.2), the only positional ones of a refusal."""

    error: str
    description: str


class Refusal(_ErrorResponse, frozen=True, kw_only=True):
    """A refused request, and what the caller is told.

    ``error`` is the specification's own code (RFC 6749 §4.1.2.1, §5.2 and successors). ``description`` says what is
    wrong, ``hint`` what to do about it. Both are sent to the client in ``error_description`` and contain only
    characters that RFC 6749 allows there. ``section`` names the rule. ``reason`` is only for the log and the auditor,
    and so are ``details``, the named values that its sentence needs (no secret, nothing personal). ``status`` is the
    HTTP status of a direct (JSON) response.
    """

    hint: str = ""
    section: str = ""
    reason: str = ""
    details: tuple[tuple[str, str], ...] = ()
    status: int = 400
    retry_after: int = 0
    recorded: bool = False

    @property
    def error_description(self) -> str:
        """Description and hint in one line, as ``error_description`` (RFC 6749 §5.2)."""
        return f"{self.description} {self.hint}".strip()


def invalid_request(description: str, *, hint: str = "", section: str = ERROR_RESPONSE) -> Refusal:
    """Something is missing, malformed or repeated."""
    return Refusal("invalid_request", description, hint=hint, section=section)


def invalid_client(
    description: str,
    *,
    reason: str,
    hint: str = "",
    section: str = ERROR_RESPONSE,
    details: tuple[tuple[str, str], ...] = (),
) -> Refusal:
    """The client did not authenticate. ``reason`` and ``details`` are for the log."""
    return Refusal(
        "invalid_client",
        description,
        hint=hint,
        section=section,
        reason=reason,
        details=details,
        status=401,
    )


def invalid_grant(description: str, *, reason: str, hint: str = "", section: str = ERROR_RESPONSE) -> Refusal:
    """The code or the token is not, or no longer, valid here. ``reason`` is for the log."""
    return Refusal("invalid_grant", description, hint=hint, section=section, reason=reason)


def invalid_scope(description: str, *, hint: str = "") -> Refusal:
    """The scope is malformed or exceeds what is allowed."""
    return Refusal("invalid_scope", description, hint=hint, section="RFC 6749 §3.3")


def invalid_target(description: str, *, hint: str = "") -> Refusal:
    """The resource is malformed or not allowed."""
    return Refusal("invalid_target", description, hint=hint, section="RFC 8707 §2")


def unauthorized_client(description: str, *, hint: str = "") -> Refusal:
    """The client is not allowed to do this."""
    return Refusal("unauthorized_client", description, hint=hint, section=ERROR_RESPONSE)


def invalid_dpop_proof(description: str, *, reason: str, hint: str = "") -> Refusal:
    """The DPoP proof is missing or not valid. ``reason`` is for the log."""
    return Refusal("invalid_dpop_proof", description, hint=hint, section="RFC 9449 §5", reason=reason)


def temporarily_unavailable(description: str, *, retry_after: int = 1) -> Refusal:
    """The server cannot answer now. The client can try again after ``retry_after`` seconds."""
    return Refusal(
        "temporarily_unavailable",
        description,
        hint="Try again.",
        section="RFC 6749 §4.1.2.1",
        status=503,
        retry_after=retry_after,
    )
