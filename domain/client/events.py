"""What can happen to a client's registration (RFC 7591's metadata in RFC 7591's names)."""

from typing import Any

import msgspec

from domain.event import Event, registry


class AdmittedBy(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rules by which a client was let in: what it may ever give itself. ``by_token``: which of the two its initial
    access token said; the other is what the settings said then."""

    scope: tuple[str, ...]
    grant_types: tuple[str, ...]
    by_token: tuple[str, ...] = ()


class ClientRegistered(Event, frozen=True, tag="client.registered.v1"):
    """A client was made. ``metadata`` is the validated whole (``domain.client.metadata.ClientMetadata``), without
    ``contacts``, which are people's.

    ``source``: who described it: ``admin``, the client itself by ``registration`` (RFC 7591), or its
    ``metadata_document``. ``initial_token_id`` is the initial access token that it was let in with,
    ``statement_issuer`` who signed its software statement, ``admitted_by`` the rules that judge its own updates."""

    client_id: str
    metadata: dict[str, Any]
    registered_at: int
    source: str = "admin"
    initial_token_id: str | None = None
    statement_issuer: str | None = None
    admitted_by: AdmittedBy | None = None


class ClientUpdated(Event, frozen=True, tag="client.updated.v1"):
    """The whole metadata was replaced; policy was checked on the resulting client. ``by_itself``: the client asked for
    it, or its document, and no administrator. ``consents_void``: it took up another address or key, so that nothing
    agreed to before holds any more (A206). ``subjects_changed``: it knows people by other names from here on, and what
    it was given before is over (OIDC Core §8)."""

    metadata: dict[str, Any]
    updated_at: int
    consents_void: bool = False
    by_itself: bool = False
    subjects_changed: bool = False


class ClientSecretSet(Event, frozen=True, tag="client.secret_set.v1"):
    """A generated 256-bit secret was given out; SHA-256 of it is kept. ``expires_at`` 0: never. The secret
    before it is accepted until ``previous_until``, for a change without an outage; 0: no longer."""

    secret_hash: str
    set_at: int
    expires_at: int = 0
    previous_until: int = 0


class RegistrationTokenSet(Event, frozen=True, tag="client.registration_token_set.v1"):
    """A registration access token was given out (RFC 7592 §3), in place of any before; SHA-256 of it is kept."""

    token_hash: str
    set_at: int


class RegistrationTokenRevoked(Event, frozen=True, tag="client.registration_token_revoked.v1"):
    """Nobody can manage the client from outside any more."""

    reason: str
    revoked_at: int


class ClientDisabled(Event, frozen=True, tag="client.disabled.v1"):
    """The client may do nothing and its tokens are inactive."""

    reason: str
    disabled_at: int


class ClientEnabled(Event, frozen=True, tag="client.enabled.v1"):
    """The client may act again."""

    enabled_at: int


class ClientDeleted(Event, frozen=True, tag="client.deleted.v1"):
    """The registration ended for good."""

    deleted_at: int


CLIENT_EVENTS = registry(
    ClientRegistered,
    ClientUpdated,
    ClientSecretSet,
    RegistrationTokenSet,
    RegistrationTokenRevoked,
    ClientDisabled,
    ClientEnabled,
    ClientDeleted,
)
