"""A client registers, reads, changes and ends itself (RFC 7591, RFC 7592): read, decide, append.

Each answer holds the secrets that were made for it, which nobody else ever sees. What people are to be reached at
(``contacts``) is sealed beside the log.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from authrim.administration.client_keys import weak_keys_refusal
from authrim.administration.clients import (
    NewSecret,
    default_algorithms,
    new_client_id,
    read_client,
    secret_rows,
    signing_refusal,
)
from authrim.client_secrets import leaving_rows
from authrim.crypto.ids import constant_time_equal, digest
from authrim.crypto.registration_handles import (
    initial_token_id,
    new_registration_token,
    registration_token_client,
)
from authrim.crypto.secrets import ClientSecret, new_client_secret
from authrim.execute import MICROSECONDS, Change, Context, Outcome
from authrim.private_data import CLIENT as CLIENT_OWNER
from authrim.runtime import Runtime
from authrim.store import codec
from domain import client as clients
from domain import client_registration, dynamic_registration, registration_metadata, registration_token
from domain.client import Client
from domain.client_metadata import ClientMetadata
from domain.client_registration import RegisterClient
from domain.dynamic_registration import NOT_MANAGED, RegistrationRules, ReplaceMetadata, rules_refusal
from domain.errors import Refusal
from domain.registration_token import RegistrationToken
from domain.stream import REGISTRATION, client_stream, registration_stream
from projections.rows import Row
from projections.tables import SEALED, sealed_key

A = TypeVar("A")

#: Name of the sealed row with the people who are responsible for a client.
CONTACTS: Final = "contacts"


class Managed(msgspec.Struct, frozen=True):
    """A client with what its owner alone may know. ``secret`` is there only when it was made just now, or sent by the
    client itself; ``token`` is the registration access token that is good from now on."""

    client: Client
    token: str
    secret: str | None = None
    contacts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Managed({self.client.client_id})"


class _Admission(msgspec.Struct, frozen=True):
    """What lets a client in: nothing but an open door, or a use of an initial access token."""

    rules: RegistrationRules
    token_id: str | None = None
    changes: tuple[Change, ...] = ()


async def register_client(
    runtime: Runtime, context: Context, fields: Mapping[str, Any], initial_token: str | None,
    statement_issuer: str | None = None,
) -> Managed | Refusal:  # fmt: skip
    """Register a client as ``fields`` say. ``initial_token`` None: the server takes anybody.

    A use of the token and the registration are one append: of two servers with its last use, one wins.
    """
    client_id, secret = new_client_id(), new_client_secret()
    token = new_registration_token(client_id)
    stream = client_stream(context.tenant, client_id)

    async def attempt() -> Outcome[Client]:
        admission = await _admitted(runtime, context, client_id, initial_token)
        if isinstance(admission, Refusal):
            return Outcome(admission)
        rules = admission.rules
        algorithms = default_algorithms(runtime.settings.signing_algorithms, rules.profile)
        own = ClientMetadata(
            profile=rules.profile, access_token_signing_alg=algorithms["access_token_signing_alg"]
        )
        defaults: dict[str, Any] = {**algorithms, "scope": rules.scope}
        metadata = registration_metadata.whole(fields, own, defaults)
        refusal = rules_refusal(metadata, rules) or _shell_refusal(runtime, metadata)
        if refusal is not None:
            return Outcome(refusal)
        now = runtime.now()
        needs_secret = metadata.token_endpoint_auth_method in clients.SECRET_METHODS
        command = RegisterClient(
            client_id,
            metadata,
            secret_hash=secret.hash if needs_secret else None,
            secret_expires_at=_secret_expiry(runtime, now),
            development=runtime.settings.development,
            source="registration",
            initial_token_id=admission.token_id,
            statement_issuer=statement_issuer,
            token_hash=digest(token),
        )
        decision = client_registration.decide_register(clients.NO_CLIENT, command, now)
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        rows = await _rows(
            runtime, context.tenant, clients.NO_CLIENT, decision.answer, secret, metadata.contacts
        )
        if isinstance(rows, Refusal):
            return Outcome(rows)
        changes = (*admission.changes, Change(stream, 0, decision.events))
        return Outcome(decision.answer, changes, rows)

    context.client_id = client_id
    client = await runtime.executor.until_it_fits(
        context, attempt, _busy(context, initial_token) or stream, on_configuration=False
    )
    if isinstance(client, Refusal):
        context.client_id = ""
        return client
    contacts = fields.get("contacts", ())
    return Managed(client, token, secret.value if client.secrets else None, contacts)


def _busy(context: Context, initial_token: str | None) -> str | None:
    """Requests with one token meet on its stream."""
    token_id = initial_token_id(initial_token or "")
    return None if token_id is None else registration_stream(context.tenant, token_id)


async def _admitted(
    runtime: Runtime, context: Context, client_id: str, initial_token: str | None
) -> _Admission | Refusal:
    rules = settings_rules(runtime)
    if initial_token is None:
        return _Admission(rules)
    token_id = initial_token_id(initial_token)
    if token_id is None:
        return registration_token.INVALID
    stream = registration_stream(context.tenant, token_id)
    read = await runtime.store.read_stream(stream)
    token = registration_token.fold(codec.decode_stream(REGISTRATION, read))
    decision = registration_token.decide_use(
        token, digest(initial_token), client_id, read.now // MICROSECONDS
    )
    if isinstance(decision.answer, Refusal):
        return decision.answer
    change = Change(stream, read.version, decision.events)
    return _Admission(_rules_of(decision.answer, rules), token_id, (change,))


def settings_rules(runtime: Runtime) -> RegistrationRules:
    """What clients that register themselves may have, by the settings."""
    settings = runtime.settings
    return RegistrationRules(
        settings.registration_scope, settings.registration_grant_types, settings.registration_profile
    )


def _rules_of(token: RegistrationToken, rules: RegistrationRules) -> RegistrationRules:
    """What the initial access token says goes before what the settings say."""
    assert token.issued is not None
    return RegistrationRules(
        token.issued.scope or rules.scope,
        token.issued.grant_types or rules.grant_types,
        token.issued.profile or rules.profile,
    )


def _shell_refusal(runtime: Runtime, metadata: ClientMetadata) -> Refusal | None:
    """What the policy cannot tell without keys: whether ours and the client's can be used."""
    fields = msgspec.structs.asdict(metadata)
    return signing_refusal(fields, runtime.settings.signing_algorithms) or weak_keys_refusal(metadata.jwks)


def _secret_expiry(runtime: Runtime, now: int) -> int:
    lifetime = runtime.settings.registration_secret_lifetime
    return now + lifetime if lifetime else 0


async def read_managed(runtime: Runtime, context: Context, client_id: str, token: str) -> Managed | Refusal:
    """The client, for whoever holds its registration access token (RFC 7592 §2.1)."""
    read = await read_client(runtime.store, context.tenant, client_id)
    refusal = _management_refusal(read.client, token)
    if refusal is not None:
        return refusal
    return Managed(read.client, token, contacts=await _contacts(runtime, context.tenant, client_id))


async def replace_metadata(
    runtime: Runtime, context: Context, client_id: str, token: str, document: dict[str, Any]
) -> Managed | Refusal:
    """Replace the whole metadata by ``document`` (RFC 7592 §2.2)."""
    settings, secret = runtime.settings, new_client_secret()
    next_token = new_registration_token(client_id) if settings.registration_token_rotation else token
    fields = registration_metadata.read(document)
    given = document.get("client_secret")

    async def attempt() -> Outcome[Client]:
        read = await read_client(runtime.store, context.tenant, client_id)
        refusal = (
            _management_refusal(read.client, token)
            or dynamic_registration.update_request_refusal(client_id, document)
            or _secret_refusal(read.client, given, read.now)
        )
        if refusal is not None:
            return Outcome(refusal)
        if isinstance(fields, Refusal):
            return Outcome(fields)
        command = ReplaceMetadata(
            fields,
            default_algorithms(settings.signing_algorithms, read.client.metadata.profile),
            secret.hash,
            secret_expires_at=_secret_expiry(runtime, read.now),
            token_hash=digest(next_token) if next_token != token else "",
            renew_secret_before=read.now + settings.registration_secret_lifetime // 2,
            development=settings.development,
        )
        decision = dynamic_registration.decide_replace(
            read.client, command, settings_rules(runtime), read.now
        )
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        unusable = _shell_refusal(runtime, decision.answer.metadata)
        if unusable is not None:
            return Outcome(unusable)
        stream = client_stream(context.tenant, client_id)
        changes = (Change(stream, read.version, decision.events, read.client),) if decision.events else ()
        contacts = fields.get("contacts", ())
        rows = await _rows(runtime, context.tenant, read.client, decision.answer, secret, contacts)
        if isinstance(rows, Refusal):
            return Outcome(rows)
        return Outcome(decision.answer, changes, rows, () if changes else ((stream, read.version),))

    client = await _append(runtime, context, client_id, attempt)
    if isinstance(client, Refusal):
        return client
    await runtime.configuration.catch_up()
    assert not isinstance(fields, Refusal)
    is_new = any(one.secret_hash == secret.hash for one in client.secrets)
    shown = secret.value if is_new else (given if client.secrets else None)
    return Managed(client, next_token, shown, fields.get("contacts", ()))


async def delete_managed(runtime: Runtime, context: Context, client_id: str, token: str) -> Refusal | None:
    """End the registration for good (RFC 7592 §2.3); all that the client has is inactive at once."""

    async def attempt() -> Outcome[None]:
        read = await read_client(runtime.store, context.tenant, client_id)
        refusal = _management_refusal(read.client, token)
        if refusal is not None:
            return Outcome(refusal)
        decision = client_registration.decide_delete(read.client, read.now)
        change = Change(client_stream(context.tenant, client_id), read.version, decision.events, read.client)
        drop = Row(SEALED.name, "drop", {"key": sealed_key(context.tenant, CLIENT_OWNER, client_id, "*")})
        ended = clients.fold(decision.events, read.client)
        return Outcome(None, (change,), (drop, *leaving_rows(context.tenant, read.client, ended)))

    refusal = await _append(runtime, context, client_id, attempt)
    await runtime.configuration.catch_up()
    return refusal


async def revoke_misused_token(runtime: Runtime, context: Context, token: str) -> Refusal:
    """A registration access token that is shown at another client's address, or at none, is good for nobody any more
    (RFC 7592 §2.1, A203)."""
    owner = registration_token_client(token)
    if owner is None:
        return NOT_MANAGED

    async def attempt() -> Outcome[None]:
        read = await read_client(runtime.store, context.tenant, owner)
        if not _is_genuine(read.client, token):
            return Outcome(NOT_MANAGED)
        decision = dynamic_registration.decide_revoke_token(read.client, "used_for_another_client", read.now)
        change = Change(client_stream(context.tenant, owner), read.version, decision.events, read.client)
        return Outcome(NOT_MANAGED, (change,))

    return await _append(runtime, context, owner, attempt) or NOT_MANAGED


async def _append(
    runtime: Runtime, context: Context, client_id: str, attempt: Callable[[], Awaitable[Outcome[A]]]
) -> A | Refusal:
    stream = client_stream(context.tenant, client_id)
    return await runtime.executor.until_it_fits(context, attempt, stream, on_configuration=False)


def _is_genuine(client: Client, token: str) -> bool:
    kept = client.registration_token_hash
    return bool(kept) and constant_time_equal(digest(token), kept)


def _management_refusal(client: Client, token: str) -> Refusal | None:
    return dynamic_registration.management_refusal(client, _is_genuine(client, token))


def _secret_refusal(client: Client, given: object, now: int) -> Refusal | None:
    """A client may repeat its secret and never choose one (RFC 7592 §2.2)."""
    if given is None:
        return None
    live = client.live_secrets(now)
    if isinstance(given, str) and any(constant_time_equal(digest(given), one) for one in live):
        return None
    return Refusal(
        "invalid_client_metadata", "client_secret is not the one that is registered.", "Leave it out.",
        "RFC 7592 §2.2", "secret_chosen",
    )  # fmt: skip


async def _rows(
    runtime: Runtime, tenant: str, before: Client, after: Client, secret: ClientSecret,
    contacts: tuple[str, ...],
) -> tuple[Row, ...] | Refusal:  # fmt: skip
    """What goes beside the log with a change: a secret that the client signs with, and its contacts."""
    kept = secret_rows(tenant, before, after, NewSecret(secret, runtime.client_secrets))
    if isinstance(kept, Refusal):
        return kept
    return (*kept, *await _contact_rows(runtime, tenant, after.client_id, contacts))


async def _contact_rows(
    runtime: Runtime, tenant: str, client_id: str, contacts: tuple[str, ...]
) -> tuple[Row, ...]:
    if not contacts:
        return (Row(SEALED.name, "drop", {"key": sealed_key(tenant, CLIENT_OWNER, client_id, CONTACTS)}),)
    values = {CONTACTS: msgspec.json.encode(contacts)}
    return await runtime.private.more_rows(tenant, CLIENT_OWNER, client_id, values)


async def _contacts(runtime: Runtime, tenant: str, client_id: str) -> tuple[str, ...]:
    stored = await runtime.private.open(tenant, CLIENT_OWNER, client_id, CONTACTS)
    return () if stored is None else msgspec.json.decode(stored, type=tuple[str, ...])
