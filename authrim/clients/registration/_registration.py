"""What registering and managing a client share: what is asked for, what is kept beside the log, and the answer.

What people are to be reached at (``contacts``) is theirs, so it is sealed beside the log; and so is the software
statement, for as long as the client goes by it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from authrim.clients.fetched_documents import Fetching, fetched_logo, sector_refusal
from authrim.clients.logos import LOGO, LogoChange
from authrim.clients.part import CLIENTS
from authrim.clients.records import NewSecret, secret_rows
from authrim.core.call import Call
from authrim.core.parts import Core
from authrim.core.sealed_rows import CLIENT as CLIENT_OWNER
from authrim.core.sealed_rows import erasing_row
from authrim.crypto.secrets import ClientSecret
from authrim.protocol.software_statement import kept_metadata
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration import documents as registration_metadata
from projections.rows import Row

#: Name of the sealed row.
BESIDE: Final = "registration"


class Beside(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a registration beside the log."""

    contacts: tuple[str, ...] = ()
    software_statement: str | None = None

    def __repr__(self) -> str:
        return "Beside()"


NOTHING_BESIDE: Final = Beside()


class Managed(msgspec.Struct, frozen=True):
    """A client with what its owner alone may know. ``secret`` is there only when it was made just now, or sent by the
    client itself; ``token`` is the registration access token that is good from now on."""

    client: Client
    token: str
    secret: str | None = None
    beside: Beside = NOTHING_BESIDE

    def __repr__(self) -> str:
        return f"Managed({self.client.client_id})"


class Described(msgspec.Struct, frozen=True):
    """What a document says a client should be: fields by their names in ``ClientMetadata``, and who vouched for some
    of them in a software statement."""

    fields: dict[str, Any]
    beside: Beside
    statement_issuer: str | None = None


def described(
    call: Call, document: Mapping[str, Any], kept_statement: str | None = None
) -> Described | Refusal:
    """Read a registration or an update. A software statement goes before the plain members (RFC 7591 §2.3), and the
    one that a client was let in with holds until it shows another: its claims are no client's to change (A204)."""
    fields = registration_metadata.read(document)
    if isinstance(fields, Refusal):
        return fields
    shown = document.get("software_statement")
    if shown is None and kept_statement is not None:
        stated = registration_metadata.read(kept_metadata(kept_statement))
        assert not isinstance(stated, Refusal)
        return _described({**fields, **stated}, kept_statement)
    if shown is None:
        return _REQUIRED if call.core.settings.software_statement_required else _described(fields, None)
    statement = call.parts[CLIENTS].software_statements.read(shown, call.core.issuer, call.core.now())
    if isinstance(statement, Refusal):
        return statement
    stated = registration_metadata.read(statement.metadata)
    if isinstance(stated, Refusal):
        return msgspec.structs.replace(stated, error="invalid_software_statement")
    return _described({**fields, **stated}, str(shown), statement.issuer)


def _described(fields: dict[str, Any], statement: str | None, issuer: str | None = None) -> Described:
    return Described(fields, Beside(fields.get("contacts", ()), statement), issuer)


_REQUIRED: Final = Refusal(
    "invalid_software_statement",
    "The software_statement is missing.",
    hint="Show one of a trusted issuer.",
    section="RFC 7591 §3.2.2",
    reason="statement_missing",
)


async def fetched(
    core: Core, client_id: str, metadata: ClientMetadata, before: ClientMetadata
) -> LogoChange | Refusal | None:
    """What has to be fetched before a registration is taken: that its sector vouches for it, and its picture."""
    fetching = Fetching(core.egress, core.private, client_id)
    return await sector_refusal(fetching, metadata) or await fetched_logo(fetching, metadata, before)


def secret_expiry(core: Core, now: int) -> int:
    """Until when a secret that is made now is good, in seconds since 1970; 0: for ever."""
    lifetime = core.settings.registration_secret_lifetime
    return now + lifetime if lifetime else 0


async def rows_beside(
    call: Call, before: Client, after: Client, secret: ClientSecret, beside: Beside,
    logo: LogoChange | None,
) -> tuple[Row, ...] | Refusal:  # fmt: skip
    """What goes beside the log with a change: a secret that the client signs with, what is kept of it, its picture.

    All that is sealed is sealed at once, because a client's first rows make its data key.
    """
    tenant = call.tenant
    kept = secret_rows(tenant, before, after, NewSecret(secret, call.parts[CLIENTS].secrets))
    if isinstance(kept, Refusal):
        return kept
    values = {BESIDE: None if beside == NOTHING_BESIDE else msgspec.json.encode(beside)}
    if logo is not None:
        values[LOGO] = logo.png
    drops = [
        erasing_row(tenant, CLIENT_OWNER, after.client_id, name) for name in values if values[name] is None
    ]
    there = {name: value for name, value in values.items() if value is not None}
    if not there:
        return (*kept, *drops)
    return (*kept, *drops, *await call.core.private.more_rows(tenant, CLIENT_OWNER, after.client_id, there))


async def read_beside(core: Core, tenant: str, client_id: str) -> Beside:
    """What is kept of a client beside the log. Raises SealBroken."""
    stored = await core.private.open(tenant, CLIENT_OWNER, client_id, BESIDE)
    return NOTHING_BESIDE if stored is None else msgspec.json.decode(stored, type=Beside)
