"""The refusal that an event of a grant records: what the client was told at that time."""

from typing import Final

import msgspec

from domain.authorization.steps import CONSENT_REQUIRED, LOGIN_REQUIRED, UNMET
from domain.errors import Refusal, invalid_grant
from domain.event import Event
from domain.grant import code, refresh_token
from domain.grant.events import (
    AuthorizationRefused,
    CodeReplayed,
    CodeVoided,
    RefreshTokenReused,
    SignInFailed,
)
from domain.refusal_events import RequestRefused

_BY_ERROR: Final = {refusal.error: refusal for refusal in (LOGIN_REQUIRED, CONSENT_REQUIRED, UNMET)}


def told(event: Event) -> Refusal | None:
    """The refusal that ``event`` records, or None when it records none."""
    match event:
        case RequestRefused():
            return Refusal(
                event.error,
                event.description,
                hint=event.hint,
                section=event.section,
                reason=event.reason,
                details=tuple(event.details.items()),
                status=event.status,
            )
        case CodeReplayed():
            return code.REPLAYED
        case CodeVoided():
            return _of_voided_code(event)
        case RefreshTokenReused():
            return refresh_token.REUSED
        case AuthorizationRefused():
            known = _BY_ERROR.get(event.error)
            section = known.section if known else "RFC 6749 §4.1.2.1"
            hint = known.hint if known else ""
            return Refusal(event.error, event.description, hint=hint, section=section, status=303)
        case SignInFailed():
            return Refusal(
                "access_denied",
                "The person could not sign in.",
                hint="Try again.",
                reason=event.reason,
                status=401,
            )
        case _:
            return None


def _of_voided_code(event: CodeVoided) -> Refusal:
    """Another client hears that the code is unknown (decisions.md 3), the auditor hears why."""
    if event.reason == "code_wrong_client":
        return msgspec.structs.replace(code.UNKNOWN, reason=event.reason)
    return invalid_grant(
        "The code was presented wrongly and is void.",
        reason=event.reason,
        hint="Start a new authorization request.",
        section="RFC 7636 §4.6",
    )
