"""What a client may do, as an access review needs it."""

from typing import ClassVar, Final

import msgspec

from domain.client.events import ClientDeleted, ClientDisabled, ClientEnabled, ClientRegistered, ClientUpdated
from domain.client.metadata import ClientMetadata
from domain.event import Event
from domain.report.wording import clean

_CLIENT_CREDENTIALS: Final = "client_credentials"
#: The scope of a token that opens the stream of all events (docs/audit/event-stream.md).
LOG_SCOPE: Final = "audit:events"
#: The name in front is no access.
_MATTERS: Final = 1
#: Where a registration came from.
_SOURCES: Final = {"admin": "an administrator", "registration": "itself", "metadata_document": "its document"}


class ClientAccess(msgspec.Struct, frozen=True):
    """What a client may do. ``shown_by`` is the event that says so, ``source`` where the registration came from."""

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "Name", "State", "Registered by", "Profile and authentication", "May use", "Scope", "Audiences",
    )  # fmt: skip

    shown_by: int
    source: str
    name: str
    method: str
    profile: str
    grant_types: tuple[str, ...]
    scope: tuple[str, ...]
    audiences: tuple[str, ...]
    introspects: bool = False
    reads_log: bool = False
    skips_consent: bool = False
    active: bool = True

    @property
    def acts_alone(self) -> bool:
        """Whether it gets tokens without a person (RFC 6749 §4.4)."""
        return _CLIENT_CREDENTIALS in self.grant_types

    @property
    def row(self) -> tuple[str, ...]:
        """The values of ``COLUMNS``."""
        more = [
            text
            for text, applies in (
                ("introspection of tokens", self.introspects),
                ("the log", self.reads_log),
                ("no consent is asked for", self.skips_consent),
            )
            if applies
        ]
        return (
            clean(self.name) or "none",
            "active" if self.active else "disabled",
            _SOURCES.get(self.source, clean(self.source)),
            f"{clean(self.profile)}, {clean(self.method)}",
            ", ".join((*map(clean, self.grant_types), *more)),
            clean(" ".join(self.scope)) or "none",
            clean(" ".join(self.audiences)) or "none of its own",
        )


def access_of(before: ClientAccess | None, event: Event, position: int) -> ClientAccess | None:
    """What a client may do after one more event, None when it is gone."""
    match event:
        case ClientRegistered(metadata=metadata, source=source):
            return _of(metadata, source, position)
        case ClientUpdated(metadata=metadata):
            after = _of(metadata, "admin" if before is None else before.source, position)
            return msgspec.structs.replace(after, active=before is None or before.active)
        case ClientDeleted():
            return None
        case ClientDisabled() | ClientEnabled() if before is not None:
            return msgspec.structs.replace(before, active=isinstance(event, ClientEnabled))
        case _:
            return before


def _of(metadata: dict[str, object], source: str, position: int) -> ClientAccess:
    read = msgspec.convert(metadata, ClientMetadata)
    return ClientAccess(
        position, source, read.client_name, read.token_endpoint_auth_method, read.profile, read.grant_types, read.scope,
        read.audiences, read.may_introspect, LOG_SCOPE in read.scope, read.skip_consent,
    )  # fmt: skip


def differences_of(before: ClientAccess | None, after: ClientAccess | None) -> str:
    """What of it is another than before, in words; empty: nothing that matters here."""
    columns = ClientAccess.COLUMNS[_MATTERS:]
    if after is None:
        return "" if before is None else "gone"
    new = after.row[_MATTERS:]
    if before is None:
        return "; ".join(f"{name}: {value}" for name, value in zip(columns, new, strict=True))
    old = before.row[_MATTERS:]
    changed = zip(columns, old, new, strict=True)
    return "; ".join(f"{name}: {was} → {is_now}" for name, was, is_now in changed if was != is_now)
