"""The events of a key of the server. The key's state is a function of these events and the time, so a key becomes
active or retired without a background job."""

from typing import Any

from domain.event import Event, registry


class KeyCreated(Event, frozen=True, tag="key.created.v1"):
    """A key was created and is published from now on. It signs, or others encrypt to it, from ``active_from`` until a
    newer key of the same algorithm takes over. ``public_jwk`` has its use. The private key is in a sealed row, or in
    the PKCS #11 token with the label ``token``."""

    kid: str
    alg: str
    public_jwk: dict[str, Any]
    created_at: int
    active_from: int
    token: str = ""


class KeyPromoted(Event, frozen=True, tag="key.promoted.v1"):
    """A published key takes over from ``active_from``, earlier than planned."""

    active_from: int


class KeyRevoked(Event, frozen=True, tag="key.revoked.v1"):
    """The key was removed from the key set at once, and no longer verifies anything."""

    reason: str
    revoked_at: int


KEY_EVENTS = registry(KeyCreated, KeyPromoted, KeyRevoked)
