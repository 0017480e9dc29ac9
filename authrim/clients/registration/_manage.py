"""A client reads, replaces and deletes its own registration (RFC 7592): read, decide, append."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from authrim.clients.records import read_client
from authrim.clients.registration._registration import (
    ManagedClient,
    RegistrationRequest,
    fetched,
    read_sealed_metadata,
    sealed_rows,
    secret_expiry,
)
from authrim.clients.secrets import leaving_rows
from authrim.clients.terms import own_terms, settings_rules
from authrim.core.call import Call
from authrim.core.execute import Change, Outcome
from authrim.core.sealed_rows import CLIENT as CLIENT_OWNER
from authrim.core.sealed_rows import erasing_row
from authrim.crypto.ids import constant_time_equal, digest
from authrim.crypto.registration_handles import new_registration_token, registration_token_client
from authrim.crypto.secrets import new_client_secret
from domain.client import client as clients
from domain.client.client import Client
from domain.errors import Refusal
from domain.registration import dynamic as dynamic_registration
from domain.registration import lifecycle as client_registration
from domain.registration.dynamic import NOT_MANAGED, ReplaceMetadata
from domain.stream import client_stream
from projections.followed import REGISTRATION_ACCESS_TOKEN

A = TypeVar("A")


async def read_managed(call: Call, client_id: str, token: str) -> ManagedClient | Refusal:
    """The client, for the holder of its registration access token (RFC 7592 §2.1)."""
    read = await read_client(call.core.store, call.tenant, client_id)
    refusal = _management_refusal(read.client, token)
    if refusal is not None:
        return refusal
    return ManagedClient(
        read.client, token, sealed=await read_sealed_metadata(call.core, call.tenant, client_id)
    )


async def replace_metadata(
    call: Call,
    client_id: str,
    token: str,
    document: dict[str, Any],
    wanted: RegistrationRequest,
) -> ManagedClient | Refusal:
    """Replace the whole metadata with that of ``document``, which was parsed into ``wanted`` (RFC 7592 §2.2)."""
    settings, secret = call.core.settings, new_client_secret()
    next_token = new_registration_token(client_id) if settings.registration_token_rotation else token
    given = document.get("client_secret")

    async def attempt() -> Outcome[Client]:
        read = await read_client(call.core.store, call.tenant, client_id)
        refusal = (
            _management_refusal(read.client, token)
            or dynamic_registration.update_request_refusal(client_id, document)
            or _secret_refusal(read.client, given, read.now)
        )
        if refusal is not None:
            return Outcome(refusal)
        command = ReplaceMetadata(
            wanted.fields,
            dynamic_registration.defaults_for(read.client.metadata.profile, settings.signing_algorithms),
            secret.hash,
            secret_expires_at=secret_expiry(call.core, read.now),
            token_hash=digest(next_token) if next_token != token else "",
            renew_secret_before=read.now + settings.registration_secret_lifetime // 2,
        )
        terms = own_terms(settings, settings_rules(settings), read.admission)
        decision = dynamic_registration.decide_replace(read.client, command, terms, read.now)
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        logo = await fetched(call.core, client_id, decision.answer.metadata, read.client.metadata)
        if isinstance(logo, Refusal):
            return Outcome(logo)
        if logo is not None and logo.digest is not None:
            command = msgspec.structs.replace(command, logo_digest=logo.digest)
            decision = dynamic_registration.decide_replace(read.client, command, terms, read.now)
        assert isinstance(decision.answer, Client)
        stream = client_stream(call.tenant, client_id)
        changes = (Change(stream, read.version, decision.events, read.client),) if decision.events else ()
        rows = await sealed_rows(call, read.client, decision.answer, secret, wanted.sealed, logo)
        if isinstance(rows, Refusal):
            return Outcome(rows)
        return Outcome(decision.answer, changes, rows, () if changes else ((stream, read.version),))

    client = await _append(call, client_id, token, attempt)
    if isinstance(client, Refusal):
        return client
    await call.core.configuration.catch_up()
    is_new = any(one.secret_hash == secret.hash for one in client.secrets)
    shown = secret.value if is_new else (given if client.secrets else None)
    return ManagedClient(client, next_token, shown, wanted.sealed)


async def delete_managed(call: Call, client_id: str, token: str) -> Refusal | None:
    """Delete the registration for good (RFC 7592 §2.3). All grants and tokens of the client become inactive at once."""

    async def attempt() -> Outcome[None]:
        read = await read_client(call.core.store, call.tenant, client_id)
        refusal = _management_refusal(read.client, token)
        if refusal is not None:
            return Outcome(refusal)
        decision = client_registration.decide_delete(read.client, read.now)
        change = Change(client_stream(call.tenant, client_id), read.version, decision.events, read.client)
        ended = clients.fold(decision.events, read.client)
        return Outcome(
            None,
            (change,),
            (
                erasing_row(call.tenant, CLIENT_OWNER, client_id),
                *leaving_rows(call.tenant, read.client, ended),
            ),
        )

    refusal = await _append(call, client_id, token, attempt)
    await call.core.configuration.catch_up()
    return refusal


async def revoke_misused_token(call: Call, token: str) -> Refusal:
    """Revoke a registration access token that is used at the address of another client, or of none (RFC 7592 §2.1,
    A203)."""
    owner = registration_token_client(token)
    if owner is None:
        return NOT_MANAGED

    async def attempt() -> Outcome[None]:
        read = await read_client(call.core.store, call.tenant, owner)
        if not _is_genuine(read.client, token):
            return Outcome(NOT_MANAGED)
        decision = dynamic_registration.decide_revoke_token(read.client, "used_for_another_client", read.now)
        change = Change(client_stream(call.tenant, owner), read.version, decision.events, read.client)
        return Outcome(NOT_MANAGED, (change,))

    return await _append(call, owner, token, attempt) or NOT_MANAGED


async def _append(
    call: Call, client_id: str, token: str, attempt: Callable[[], Awaitable[Outcome[A]]]
) -> A | Refusal:
    stream = client_stream(call.tenant, client_id)
    allowed = call.allowed_by(REGISTRATION_ACCESS_TOKEN, digest(token))
    return await call.core.executor.until_it_fits(allowed, attempt, stream, on_configuration=False)


def _is_genuine(client: Client, token: str) -> bool:
    kept = client.registration_token_hash
    return bool(kept) and constant_time_equal(digest(token), kept)


def _management_refusal(client: Client, token: str) -> Refusal | None:
    return dynamic_registration.management_refusal(client, _is_genuine(client, token))


def _secret_refusal(client: Client, given: object, now: int) -> Refusal | None:
    """A client may repeat its secret, but cannot choose one (RFC 7592 §2.2)."""
    if given is None:
        return None
    live = client.live_secrets(now)
    if isinstance(given, str) and any(constant_time_equal(digest(given), one) for one in live):
        return None
    return Refusal(
        "invalid_client_metadata",
        "client_secret is not the registered one.",
        hint="Leave it out.",
        section="RFC 7592 §2.2",
        reason="secret_chosen",
    )
