"""Clients as an administrator manages them: register, update, rotate secrets, disable, delete (metadata of RFC
7591)."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from authrim.clients.fetched_documents import FetchContext, fetched_logo, sector_refusal
from authrim.clients.logos import LogoChange
from authrim.clients.secrets import ClientSecrets, leaving_rows
from authrim.clients.terms import administrators_terms
from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.paging import states_of
from authrim.core.sealed_rows import CLIENT as CLIENT_OWNER
from authrim.core.sealed_rows import erasing_row
from authrim.crypto.secrets import ClientSecret, new_client_secret
from authrim.store import codec
from authrim.store.contract import Store
from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.client import client as clients
from domain.client.client import SECRET_METHODS, Client
from domain.client.metadata import ClientMetadata
from domain.decision import Decision
from domain.errors import Refusal
from domain.registration import admission as client_admission
from domain.registration import lifecycle as registration
from domain.registration.admission import Admission
from domain.registration.judgement import Terms, judged
from domain.registration.lifecycle import RegisterClient, SetSecret
from domain.stream import CLIENT, client_stream
from domain.units import DAY, MICROSECONDS
from projections.rows import Row
from projections.tables import CLIENTS

#: How long the previous secret works after a rotation by default, in seconds.
DEFAULT_OVERLAP: Final = DAY
_CLIENT_ID_BYTES: Final = 10


def new_client_id() -> str:
    """A random client id."""
    return os.urandom(_CLIENT_ID_BYTES).hex()


class ClientWithSecret(msgspec.Struct, frozen=True):
    """A client and its new secret, which is returned only once. None: no secret was generated."""

    client: Client
    secret: str | None = None

    def __repr__(self) -> str:
        return f"ClientWithSecret({self.client.client_id})"


class NewSecret(msgspec.Struct, frozen=True):
    """A secret that a change may give to a client. ``keeper`` stores it if the client signs with it."""

    secret: ClientSecret
    keeper: ClientSecrets | None


class RegistrationContext(msgspec.Struct, frozen=True):
    """What is needed to register or update a client.

    ``development``: redirect URIs may be http on the loopback interface. ``logo`` None: the logo of ``logo_uri``, or no
    change. ``keeper`` stores secrets that clients sign with; without it no such client can be registered. ``fetching``
    None: nothing is fetched, neither the logo of a ``logo_uri`` nor the document of a sector. ``algorithms``: those
    that the server has keys for, if known. ``catalogue``: the claims that can be mapped.
    """

    development: bool = False
    logo: LogoChange | None = None
    keeper: ClientSecrets | None = None
    fetching: FetchContext | None = None
    algorithms: tuple[str, ...] = ()
    catalogue: Catalogue = BUILT_IN

    @property
    def terms(self) -> Terms:
        """What an administrator's client is checked against."""
        return administrators_terms(self.development, self.algorithms, self.catalogue)


NO_MEANS: Final = RegistrationContext()

CANNOT_KEEP: Final = Refusal(
    "invalid_client_metadata",
    "The client would sign with a secret, which cannot be stored here.",
    hint="Register it with authrim client create.",
    section="RFC 7591 §3.2.2",
)


class ClientRead(msgspec.Struct, frozen=True):
    """A client as it was read, its version, the database's clock in seconds, and the limits of the client's own
    updates."""

    client: Client
    version: int
    now: int
    admission: Admission


async def create_client(
    store: Store,
    tenant: str,
    metadata: ClientMetadata,
    *,
    client_id: str | None = None,
    means: RegistrationContext = NO_MEANS,
) -> ClientWithSecret | Refusal:
    """Register a client. If it authenticates with a secret, one is generated. ``client_id`` None: a random one."""
    terms, logo, fetching = means.terms, means.logo, means.fetching
    allowed = judged(metadata, terms)
    if isinstance(allowed, Refusal):
        return allowed
    if logo is None and fetching is not None:
        logo = await fetched_logo(fetching, metadata, ClientMetadata())
    if logo is not None:
        metadata = msgspec.structs.replace(metadata, logo_digest=logo.digest)
    chosen_id = client_id or new_client_id()
    secret = new_client_secret() if metadata.token_endpoint_auth_method in SECRET_METHODS else None
    command = RegisterClient(chosen_id, metadata, None if secret is None else secret.hash, terms=terms)
    client = await change_client(
        store,
        tenant,
        chosen_id,
        lambda read: registration.decide_register(read.client, command, read.now),
        None if secret is None else NewSecret(secret, means.keeper),
        msgspec.structs.replace(means, logo=logo),
    )
    if isinstance(client, Refusal):
        return client
    return ClientWithSecret(client, None if secret is None else secret.value)


async def update_client(
    store: Store,
    tenant: str,
    client_id: str,
    changes: Mapping[str, Any],
    *,
    means: RegistrationContext = NO_MEANS,
) -> ClientWithSecret | Refusal:
    """Change some fields of the registration, named as in ``ClientMetadata``. The others stay.

    A client that now authenticates with a secret and has none gets one.
    """
    terms, logo, fetching = means.terms, means.logo, means.fetching
    if logo is None and fetching is not None:
        read = await read_client(store, tenant, client_id)
        before = read.client.metadata
        wanted = msgspec.structs.replace(before, **changes)
        allowed = registration.decide_update(read.client, wanted, read.now, terms).answer
        if isinstance(allowed, Refusal):
            return allowed
        logo = await fetched_logo(fetching, wanted, before)
    if logo is not None:
        changes = {**changes, "logo_digest": logo.digest}
    secret = new_client_secret()

    def decide(read: ClientRead) -> Decision[Client]:
        metadata = msgspec.structs.replace(read.client.metadata, **changes)
        updated = registration.decide_update(read.client, metadata, read.now, terms)
        if isinstance(updated.answer, Refusal) or not _needs_secret(updated.answer):
            return updated
        with_secret = registration.decide_set_secret(updated.answer, SetSecret(secret.hash), read.now)
        return Decision((*updated.events, *with_secret.events), with_secret.answer)

    means = msgspec.structs.replace(means, logo=logo)
    client = await change_client(store, tenant, client_id, decide, NewSecret(secret, means.keeper), means)
    if isinstance(client, Refusal):
        return client
    is_new = any(one.secret_hash == secret.hash for one in client.secrets)
    return ClientWithSecret(client, secret.value if is_new else None)


def _needs_secret(client: Client) -> bool:
    return client.uses_secret and not client.secrets


async def rotate_secret(
    store: Store, tenant: str, client_id: str, overlap_seconds: int = DEFAULT_OVERLAP,
    keeper: ClientSecrets | None = None,
) -> ClientWithSecret | Refusal:  # fmt: skip
    """Give the client a new secret. The previous one works for ``overlap_seconds`` more (0: no longer)."""
    secret = new_client_secret()

    def decide(read: ClientRead) -> Decision[Client]:
        command = SetSecret(secret.hash, previous_until=read.now + overlap_seconds)
        return registration.decide_set_secret(read.client, command, read.now)

    client = await change_client(store, tenant, client_id, decide, secret=NewSecret(secret, keeper))
    return client if isinstance(client, Refusal) else ClientWithSecret(client, secret.value)


async def disable_client(store: Store, tenant: str, client_id: str, reason: str) -> Client | Refusal:
    """Disable the client. Its tokens become inactive at once. ``reason`` is for the log."""
    return await change_client(
        store, tenant, client_id, lambda read: registration.decide_disable(read.client, reason, read.now)
    )


async def enable_client(store: Store, tenant: str, client_id: str) -> Client | Refusal:
    """Enable a disabled client."""
    return await change_client(
        store, tenant, client_id, lambda read: registration.decide_enable(read.client, read.now)
    )


async def delete_client(store: Store, tenant: str, client_id: str) -> Client | Refusal:
    """Delete the registration for good. Its id can never be used again."""
    return await change_client(
        store, tenant, client_id, lambda read: registration.decide_delete(read.client, read.now)
    )


async def show_client(store: Store, tenant: str, client_id: str) -> Client | Refusal:
    """The client according to its events."""
    client = (await read_client(store, tenant, client_id)).client
    return client if client.exists else registration.UNKNOWN


async def list_clients(store: Store, tenant: str, after: str = "", limit: int = 100) -> tuple[Client, ...]:
    """At most ``limit`` clients in the order of their ids, starting after ``after``, without deleted ones."""
    return await states_of(store, CLIENTS, tenant, Client, after, limit, lambda client: client.exists)


async def read_client(store: Store, tenant: str, client_id: str) -> ClientRead:
    """The client according to its events now."""
    read = await store.read_stream(client_stream(tenant, client_id))
    events = codec.decode_stream(CLIENT, read)
    return ClientRead(
        clients.fold(events), read.version, read.now // MICROSECONDS, client_admission.fold(events)
    )


async def change_client(
    store: Store, tenant: str, client_id: str, decide: Callable[[ClientRead], Decision[Client]],
    secret: NewSecret | None = None, means: RegistrationContext = NO_MEANS,
) -> Client | Refusal:  # fmt: skip
    """Apply a change together with its sealed rows. They are sealed after the client was read: if the client is deleted
    meanwhile, its version changes, so deleted data is never written back. When the metadata changes, the document of
    the sector is checked again."""

    async def attempt() -> Outcome[Client]:
        read = await read_client(store, tenant, client_id)
        decision = decide(read)
        if not decision.events:
            return Outcome(decision.answer)
        if isinstance(decision.answer, Client) and decision.answer.metadata != read.client.metadata:
            refusal = await sector_refusal(means.fetching, decision.answer.metadata)
            if refusal is not None:
                return Outcome(refusal)
        change = Change(client_stream(tenant, client_id), read.version, decision.events, read.client)
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer, (change,))
        kept = secret_rows(tenant, read.client, decision.answer, secret)
        if isinstance(kept, Refusal):
            return Outcome(kept)
        if not decision.answer.exists:  # delete everything outside the log
            return Outcome(decision.answer, (change,), (*kept, erasing_row(tenant, CLIENT_OWNER, client_id)))
        drawn = () if means.logo is None else await means.logo.rows(tenant, client_id)
        return Outcome(decision.answer, (change,), (*kept, *drawn))

    return await carry_out(store, tenant, attempt)


def secret_rows(
    tenant: str, before: Client, after: Client, new: NewSecret | None
) -> tuple[Row, ...] | Refusal:
    """The row changes for the secrets that the client signs with."""
    leaving = leaving_rows(tenant, before, after)
    if new is None or not after.signs_with_secret:
        return leaving
    if all(one.secret_hash != new.secret.hash for one in after.secrets):
        return leaving
    if new.keeper is None:
        return CANNOT_KEEP
    return (*leaving, new.keeper.row(tenant, after.client_id, new.secret))
