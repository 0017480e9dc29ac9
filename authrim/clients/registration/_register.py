"""A client registers itself (RFC 7591): read, decide, append. The response contains the new secrets."""

import msgspec

from authrim.clients.records import new_client_id
from authrim.clients.registration._registration import (
    ManagedClient,
    RegistrationRequest,
    fetched,
    sealed_rows,
    secret_expiry,
)
from authrim.clients.terms import own_terms, settings_rules
from authrim.core.call import Call
from authrim.core.execute import Change, Outcome
from authrim.crypto.ids import digest
from authrim.crypto.registration_handles import initial_token_id, new_registration_token
from authrim.crypto.secrets import new_client_secret
from authrim.store import codec
from domain.client import client as clients
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration import (
    documents as registration_metadata,
)
from domain.registration import (
    initial_access_token as registration_token,
)
from domain.registration import (
    lifecycle as client_registration,
)
from domain.registration.admission import RegistrationRules
from domain.registration.dynamic import defaults_for
from domain.registration.initial_access_token import RegistrationToken
from domain.registration.lifecycle import RegisterClient
from domain.stream import REGISTRATION, client_stream, registration_stream
from domain.units import MICROSECONDS
from projections.followed import INITIAL_ACCESS_TOKEN, OPEN_REGISTRATION


class _Admission(msgspec.Struct, frozen=True):
    """Why a client may register: registration is open, or it uses an initial access token."""

    rules: RegistrationRules
    token_id: str | None = None
    changes: tuple[Change, ...] = ()


async def register_client(
    call: Call, wanted: RegistrationRequest, initial_token: str | None
) -> ManagedClient | Refusal:
    """Register a client as in ``wanted``. ``initial_token`` None: registration is open.

    The use of the token and the registration are one append: when two servers receive the last use at once, one
    succeeds.
    """
    client_id, secret = new_client_id(), new_client_secret()
    token = new_registration_token(client_id)
    stream = client_stream(call.tenant, client_id)

    async def attempt() -> Outcome[Client]:
        admission = await _admitted(call, client_id, initial_token)
        if isinstance(admission, Refusal):
            return Outcome(admission)
        rules = admission.rules
        defaults = defaults_for(rules.profile, call.core.settings.signing_algorithms)
        own = ClientMetadata(
            profile=rules.profile, access_token_signing_alg=defaults["access_token_signing_alg"]
        )
        metadata = registration_metadata.whole(wanted.fields, own, {**defaults, "scope": rules.scope})
        now = call.core.now()
        needs_secret = metadata.token_endpoint_auth_method in clients.SECRET_METHODS
        command = RegisterClient(
            client_id,
            metadata,
            secret_hash=secret.hash if needs_secret else None,
            secret_expires_at=secret_expiry(call.core, now),
            terms=own_terms(call.core.settings, rules),
            source="registration",
            initial_token_id=admission.token_id,
            statement_issuer=wanted.statement_issuer,
            token_hash=digest(token),
        )
        decision = client_registration.decide_register(clients.NO_CLIENT, command, now)
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        logo = await fetched(call.core, client_id, metadata, ClientMetadata())
        if isinstance(logo, Refusal):
            return Outcome(logo)
        if logo is not None and logo.digest is not None:
            shown = msgspec.structs.replace(metadata, logo_digest=logo.digest)
            command = msgspec.structs.replace(command, metadata=shown)
            decision = client_registration.decide_register(clients.NO_CLIENT, command, now)
        assert isinstance(decision.answer, Client)
        rows = await sealed_rows(call, clients.NO_CLIENT, decision.answer, secret, wanted.sealed, logo)
        if isinstance(rows, Refusal):
            return Outcome(rows)
        changes = (*admission.changes, Change(stream, 0, decision.events))
        return Outcome(decision.answer, changes, rows)

    client = await call.core.executor.until_it_fits(
        _origin(call, client_id, initial_token), attempt, _busy(call, initial_token) or stream,
        on_configuration=False,
    )  # fmt: skip
    if isinstance(client, Refusal):
        return client
    return ManagedClient(client, token, secret.value if client.secrets else None, wanted.sealed)


def _origin(call: Call, client_id: str, initial_token: str | None) -> Call:
    """The call with what allows the registration. The id of a token is no secret."""
    named = call.of_client(client_id)
    if initial_token is None:
        return named.allowed_by(OPEN_REGISTRATION)
    return named.allowed_by(INITIAL_ACCESS_TOKEN, initial_token_id(initial_token) or "")


def _busy(call: Call, initial_token: str | None) -> str | None:
    """The stream on which requests with the same token conflict."""
    token_id = initial_token_id(initial_token or "")
    return None if token_id is None else registration_stream(call.tenant, token_id)


async def _admitted(call: Call, client_id: str, initial_token: str | None) -> _Admission | Refusal:
    rules = settings_rules(call.core.settings)
    if initial_token is None:
        return _Admission(rules)
    token_id = initial_token_id(initial_token)
    if token_id is None:
        return registration_token.INVALID
    stream = registration_stream(call.tenant, token_id)
    read = await call.core.store.read_stream(stream)
    token = registration_token.fold(codec.decode_stream(REGISTRATION, read))
    decision = registration_token.decide_use(
        token, digest(initial_token), client_id, read.now // MICROSECONDS
    )
    if isinstance(decision.answer, Refusal):
        return decision.answer
    change = Change(stream, read.version, decision.events)
    return _Admission(_rules_of(decision.answer, rules), token_id, (change,))


def _rules_of(token: RegistrationToken, rules: RegistrationRules) -> RegistrationRules:
    """The limits of the initial access token take precedence over those of the settings."""
    assert token.issued is not None
    return RegistrationRules(
        token.issued.scope or rules.scope,
        token.issued.grant_types or rules.grant_types,
        token.issued.profile or rules.profile,
        by_token=tuple(name for name in ("scope", "grant_types") if getattr(token.issued, name)),
    )
