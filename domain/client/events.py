"""The events of a client's registration (the metadata of RFC 7591)."""

from typing import Any

import msgspec

from domain.event import Event, registry


class AdmittedBy(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rules under which a client was admitted: the limits of its own updates. ``by_token`` says which of the two
    came from its initial access token; the other came from the settings at that time."""

    scope: tuple[str, ...]
    grant_types: tuple[str, ...]
    by_token: tuple[str, ...] = ()


class ClientRegistered(Event, frozen=True, tag="client.registered.v1"):
    """A client was registered. ``metadata`` is its validated metadata (``domain.client.metadata.ClientMetadata``),
    except ``contacts``, which are personal data.

    ``source`` is where the metadata came from: ``admin``, the client itself by ``registration`` (RFC 7591), or its
    ``metadata_document``. ``initial_token_id`` is the initial access token that was used, ``statement_issuer`` the
    issuer of its software statement, and ``admitted_by`` the rules for its own updates."""

    client_id: str
    metadata: dict[str, Any]
    registered_at: int
    source: str = "admin"
    initial_token_id: str | None = None
    statement_issuer: str | None = None
    admitted_by: AdmittedBy | None = None


class ClientUpdated(Event, frozen=True, tag="client.updated.v1"):
    """All metadata was replaced; the policy was checked on the resulting client. ``by_itself``: the client or its
    metadata document made the change, not an administrator. ``consents_void``: it added an address or a key, so earlier
    consents are void (A206). ``subjects_changed``: the client knows people by other subjects from now on, and its
    earlier grants are over (OIDC Core §8)."""

    metadata: dict[str, Any]
    updated_at: int
    consents_void: bool = False
    by_itself: bool = False
    subjects_changed: bool = False


class ClientSecretSet(Event, frozen=True, tag="client.secret_set.v1"):
    """A generated 256-bit secret was issued; its SHA-256 is stored. ``expires_at`` 0: never. The previous secret is
    accepted until ``previous_until``, for a change without an outage; 0: it is no longer accepted."""

    secret_hash: str
    set_at: int
    expires_at: int = 0
    previous_until: int = 0


class RegistrationTokenSet(Event, frozen=True, tag="client.registration_token_set.v1"):
    """A registration access token was issued (RFC 7592 §3) and replaced any earlier one; its SHA-256 is stored."""

    token_hash: str
    set_at: int


class RegistrationTokenRevoked(Event, frozen=True, tag="client.registration_token_revoked.v1"):
    """The registration access token was revoked. The client can no longer manage its registration."""

    reason: str
    revoked_at: int


class ClientDisabled(Event, frozen=True, tag="client.disabled.v1"):
    """The client was disabled, and its tokens are inactive."""

    reason: str
    disabled_at: int


class ClientEnabled(Event, frozen=True, tag="client.enabled.v1"):
    """The client was enabled again."""

    enabled_at: int


class ClientDeleted(Event, frozen=True, tag="client.deleted.v1"):
    """The client was deleted permanently."""

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
