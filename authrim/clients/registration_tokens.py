"""Registration tokens that an administrator issues: initial access tokens, with which clients register (RFC 7591 §1.2),
and registration access tokens, with which a client is managed (RFC 7592)."""

import msgspec

from authrim.clients.records import change_client
from authrim.core.execute import change_state
from authrim.core.stream_state import read_state
from authrim.crypto.ids import digest, new_id
from authrim.crypto.registration_handles import new_initial_token, new_registration_token
from authrim.store.contract import Store
from domain.client.client import Client
from domain.client.profile import PROFILES
from domain.decision import Decision
from domain.errors import Refusal
from domain.registration import (
    dynamic as dynamic_registration,
)
from domain.registration import (
    initial_access_token as registration_token,
)
from domain.registration.initial_access_token import RegistrationToken
from domain.registration.initial_access_token_events import InitialAccessTokenIssued
from domain.registration.policy import GRANT_TYPES
from domain.stream import registration_stream


class NewRegistrationToken(msgspec.Struct, frozen=True):
    """A new token and its value, which is returned only once."""

    token: RegistrationToken
    value: str

    def __repr__(self) -> str:
        return "NewRegistrationToken()"


async def create_initial_token(
    store: Store, tenant: str, *, uses: int, lifetime: int, scope: tuple[str, ...] = (),
    grant_types: tuple[str, ...] = (), profile: str = "",
) -> NewRegistrationToken | Refusal:  # fmt: skip
    """Issue a token with which ``uses`` clients can register within ``lifetime`` seconds. Empty values are those of the
    settings."""
    unknown = sorted(set(grant_types) - set(GRANT_TYPES))
    if unknown or (profile and profile not in PROFILES):
        return Refusal(
            "invalid_request", "There is no such grant type or profile.", hint="See docs/specs.md."
        )
    token_id = new_id()
    value = new_initial_token(token_id)
    stream = registration_stream(tenant, token_id)

    def decide(before: RegistrationToken, now: int) -> Decision[RegistrationToken]:
        wanted = InitialAccessTokenIssued(
            token_id, digest(value), uses, now, now + lifetime, scope, grant_types, profile
        )
        return registration_token.decide_issue(before, wanted)

    token = await change_state(store, tenant, stream, registration_token.fold, decide)
    return token if isinstance(token, Refusal) else NewRegistrationToken(token, value)


async def list_initial_tokens(
    store: Store, tenant: str, after: str = "", limit: int = 100
) -> tuple[RegistrationToken, ...]:
    """At most ``limit`` tokens in the order of their issue, starting after the id ``after``."""
    prefix = registration_stream(tenant, "")
    names = await store.stream_names(prefix, f"{prefix}{after}", limit)
    return tuple([(await read_state(store, name, registration_token.fold)).state for name in names])


async def revoke_initial_token(store: Store, tenant: str, token_id: str) -> RegistrationToken | Refusal:
    """Revoke the token. Clients that registered with it stay."""
    return await change_state(
        store,
        tenant,
        registration_stream(tenant, token_id),
        registration_token.fold,
        registration_token.decide_revoke,
    )


async def new_registration_access_token(
    store: Store, tenant: str, client_id: str
) -> tuple[Client, str | None] | Refusal:
    """Issue a new token for managing the client (RFC 7592). The previous token becomes invalid."""
    token = new_registration_token(client_id)
    client = await change_client(
        store,
        tenant,
        client_id,
        lambda read: dynamic_registration.decide_new_token(read.client, digest(token), read.now),
    )
    return client if isinstance(client, Refusal) else (client, token)


async def revoke_registration_access_token(
    store: Store, tenant: str, client_id: str
) -> tuple[Client, str | None] | Refusal:
    """Revoke the token, so nobody can manage the client from outside."""
    client = await change_client(
        store,
        tenant,
        client_id,
        lambda read: dynamic_registration.decide_revoke_token(read.client, "administrator", read.now),
    )
    return client if isinstance(client, Refusal) else (client, None)
