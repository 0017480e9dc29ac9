"""The types that registering and managing a client share: the request, the sealed metadata and the response.

``contacts`` are personal data, so they are sealed in a row outside the log. The software statement is sealed there too,
for as long as the client uses it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from authrim.clients.fetched_documents import FetchContext, fetched_logo, sector_refusal
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

#: The name of the sealed row.
SEALED_METADATA: Final = "registration"


class SealedMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """The metadata of a client that is stored outside the log, sealed."""

    contacts: tuple[str, ...] = ()
    software_statement: str | None = None

    def __repr__(self) -> str:
        return "SealedMetadata()"


NO_SEALED_METADATA: Final = SealedMetadata()


class ManagedClient(msgspec.Struct, frozen=True):
    """A client, with the values that only its owner may see. ``secret`` is set only when it was just made, or when the
    client itself sent it. ``token`` is the registration access token that is valid from now on."""

    client: Client
    token: str
    secret: str | None = None
    sealed: SealedMetadata = NO_SEALED_METADATA

    def __repr__(self) -> str:
        return f"ManagedClient({self.client.client_id})"


class RegistrationRequest(msgspec.Struct, frozen=True):
    """The metadata that a document asks for, by the field names of ``ClientMetadata``. ``statement_issuer`` is the
    issuer of the software statement that vouches for some of them."""

    fields: dict[str, Any]
    sealed: SealedMetadata
    statement_issuer: str | None = None


def described(
    call: Call, document: Mapping[str, Any], kept_statement: str | None = None
) -> RegistrationRequest | Refusal:
    """Read a registration or an update. A software statement takes precedence over the plain members (RFC 7591 §2.3).
    The statement that a client registered with applies until it sends another: a client cannot change its claims
    (A204)."""
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


def _described(
    fields: dict[str, Any], statement: str | None, issuer: str | None = None
) -> RegistrationRequest:
    return RegistrationRequest(fields, SealedMetadata(fields.get("contacts", ()), statement), issuer)


_REQUIRED: Final = Refusal(
    "invalid_software_statement",
    "The software_statement is missing.",
    hint="Send one of a trusted issuer.",
    section="RFC 7591 §3.2.2",
    reason="statement_missing",
)


async def fetched(
    core: Core, client_id: str, metadata: ClientMetadata, before: ClientMetadata
) -> LogoChange | Refusal | None:
    """Fetch what a registration needs before it is accepted: the document of its sector, and its logo."""
    fetching = FetchContext(core.egress, core.private, client_id)
    return await sector_refusal(fetching, metadata) or await fetched_logo(fetching, metadata, before)


def secret_expiry(core: Core, now: int) -> int:
    """The time when a secret that is generated now expires, in seconds since 1970; 0: never."""
    lifetime = core.settings.registration_secret_lifetime
    return now + lifetime if lifetime else 0


async def sealed_rows(
    call: Call, before: Client, after: Client, secret: ClientSecret, sealed: SealedMetadata,
    logo: LogoChange | None,
) -> tuple[Row, ...] | Refusal:  # fmt: skip
    """The sealed rows that a change writes: the secret that the client signs with, its sealed metadata, its logo.

    All of them are sealed in one call, because the first sealed row of a client creates its data key.
    """
    tenant = call.tenant
    kept = secret_rows(tenant, before, after, NewSecret(secret, call.parts[CLIENTS].secrets))
    if isinstance(kept, Refusal):
        return kept
    values = {SEALED_METADATA: None if sealed == NO_SEALED_METADATA else msgspec.json.encode(sealed)}
    if logo is not None:
        values[LOGO] = logo.png
    drops = [
        erasing_row(tenant, CLIENT_OWNER, after.client_id, name) for name in values if values[name] is None
    ]
    there = {name: value for name, value in values.items() if value is not None}
    if not there:
        return (*kept, *drops)
    return (*kept, *drops, *await call.core.private.more_rows(tenant, CLIENT_OWNER, after.client_id, there))


async def read_sealed_metadata(core: Core, tenant: str, client_id: str) -> SealedMetadata:
    """Open the sealed metadata of a client. Raises SealBroken."""
    stored = await core.private.open(tenant, CLIENT_OWNER, client_id, SEALED_METADATA)
    return NO_SEALED_METADATA if stored is None else msgspec.json.decode(stored, type=SealedMetadata)
