"""The types of events that this transmitter sends, and the events of the log that they are made of."""

from collections.abc import Mapping
from typing import Final

from domain.event import Event, tag_of
from domain.person.account_events import (
    AccountDisabled,
    AccountEnabled,
    ClaimsChanged,
    PasswordSet,
    PersonErased,
)
from domain.person.session_events import SessionEnded, SessionReauthenticated
from domain.signal.events import SignalVerificationRequested

_CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
_RISC: Final = "https://schemas.openid.net/secevent/risc/event-type/"

VERIFICATION: Final = "https://schemas.openid.net/secevent/ssf/event-type/verification"
SESSION_REVOKED: Final = f"{_CAEP}session-revoked"
TOKEN_CLAIMS_CHANGE: Final = f"{_CAEP}token-claims-change"
CREDENTIAL_CHANGE: Final = f"{_CAEP}credential-change"
ASSURANCE_LEVEL_CHANGE: Final = f"{_CAEP}assurance-level-change"
ACCOUNT_DISABLED: Final = f"{_RISC}account-disabled"
ACCOUNT_ENABLED: Final = f"{_RISC}account-enabled"
ACCOUNT_PURGED: Final = f"{_RISC}account-purged"

_MADE_OF: Final[Mapping[type[Event], str]] = {
    SessionEnded: SESSION_REVOKED,
    SessionReauthenticated: ASSURANCE_LEVEL_CHANGE,
    ClaimsChanged: TOKEN_CLAIMS_CHANGE,
    PasswordSet: CREDENTIAL_CHANGE,
    AccountDisabled: ACCOUNT_DISABLED,
    AccountEnabled: ACCOUNT_ENABLED,
    PersonErased: ACCOUNT_PURGED,
    SignalVerificationRequested: VERIFICATION,
}
#: By the tag of an event of the log.
TYPES: Final[Mapping[str, str]] = {tag_of(event): uri for event, uri in _MADE_OF.items()}

#: What a receiver may ask for. A verification is asked for in its own way, and always sent.
SUPPORTED: Final = tuple(uri for uri in TYPES.values() if uri != VERIFICATION)
