"""What can happen to a key of the server. Its life is a function of these facts and the time, so nothing has to run
for a key to become active or retired."""

from typing import Any

from domain.event import Event, registry


class KeyCreated(Event, frozen=True, tag="key.created.v1"):
    """A key was made and is published from now on; it signs, or others encrypt to it, from ``active_from`` until a
    younger key of the same algorithm takes over. ``public_jwk`` says its use. The private half is a sealed row."""

    kid: str
    alg: str
    public_jwk: dict[str, Any]
    created_at: int
    active_from: int


class KeyPromoted(Event, frozen=True, tag="key.promoted.v1"):
    """A key that waited in the key set takes over from ``active_from``, sooner than it was published for."""

    active_from: int


class KeyRevoked(Event, frozen=True, tag="key.revoked.v1"):
    """The key is taken out of the key set at once, and verifies nothing any more."""

    reason: str
    revoked_at: int


KEY_EVENTS = registry(KeyCreated, KeyPromoted, KeyRevoked)
