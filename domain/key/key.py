"""A key of the server, for signing or for encryption to the server: the fold of its stream, and its life as a function
of time.

A key is published before it signs, for as long as others may cache an older key set. It stays published until the last
token it signed has expired and every cache has been refreshed (F28, A176).
"""

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from domain.decision import Decision, refuse
from domain.errors import Refusal
from domain.event import Event, folding
from domain.key.events import KeyCreated, KeyPromoted, KeyRevoked
from domain.units import HOUR

ACTIVE = "active"
REVOKED = "revoked"

Life = Literal["published", "active", "retired", "gone"]


class Key(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a key. Times are in seconds since 1970. ``status`` is ``active`` or ``revoked``. ``token``: the
    label of the PKCS #11 token that the private half is in."""

    kid: str = ""
    alg: str = ""
    public_jwk: dict[str, Any] = {}
    created_at: int = 0
    active_from: int = 0
    revoked_at: int | None = None
    status: str = ""
    token: str = ""

    @property
    def is_for_encryption(self) -> bool:
        """Whether others encrypt to the key (RFC 7517 §4.2)."""
        return self.public_jwk.get("use") == "enc"


NO_KEY = Key()


class NewKey(msgspec.Struct, frozen=True):
    """The public half of a new key, and the token that it is in."""

    kid: str
    alg: str
    public_jwk: dict[str, Any]
    token: str = ""


class KeyTimes(msgspec.Struct, frozen=True):
    """How long others may cache a key set, and the longest life of a signed token, in seconds."""

    cache_seconds: int = 900
    longest_token_life: int = HOUR

    @property
    def retirement(self) -> int:
        """How long a key stays published after its successor began to sign."""
        return self.longest_token_life + self.cache_seconds


def apply(key: Key, event: Event) -> Key:
    """The key after one more event."""
    match event:
        case KeyCreated():
            return Key(
                kid=event.kid,
                alg=event.alg,
                public_jwk=event.public_jwk,
                created_at=event.created_at,
                active_from=event.active_from,
                status=ACTIVE,
                token=event.token,
            )
        case KeyPromoted():
            return msgspec.structs.replace(key, active_from=event.active_from)
        case KeyRevoked():
            return msgspec.structs.replace(key, status=REVOKED, revoked_at=event.revoked_at)
        case _:
            return key


#: The key after some events.
fold: Final = folding(apply, NO_KEY)


def successor_of(key: Key, keys: Iterable[Key]) -> Key | None:
    """The key of the same algorithm that takes over from ``key``, or None.

    A key that was revoked before it ever signed never takes over. A key that was revoked later has taken over for good,
    so a retired key never signs again.
    """
    later = [
        other for other in keys if other.alg == key.alg and _order(other) > _order(key) and _ever_signs(other)
    ]
    return min(later, key=_order, default=None)


def _order(key: Key) -> tuple[int, int, str]:
    return key.active_from, key.created_at, key.kid


def _ever_signs(key: Key) -> bool:
    return key.revoked_at is None or key.active_from < key.revoked_at


def life(key: Key, successor: Key | None, now: int, times: KeyTimes) -> Life:
    """The stage of the key's life: ``published`` (not signing yet), ``active`` (signing), ``retired`` (still published,
    so that its tokens can be verified) or ``gone``."""
    if key.status != ACTIVE:
        return "gone"
    if now < key.active_from:
        return "published"
    if successor is None or now < successor.active_from:
        return "active"
    return "retired" if now < successor.active_from + times.retirement else "gone"


def is_published(key: Key, stage: Life) -> bool:
    """Whether the key is in the published key set.

    An encryption key is removed when its successor becomes active, so that others use the successor. It still decrypts
    what was encrypted to it before (OIDC Core §10.2.1).
    """
    return stage in ("published", "active") or (stage == "retired" and not key.is_for_encryption)


def verifies(key: Key, stage: Life) -> bool:
    """Whether what the key signed is accepted: as long as anybody can have a token of it that has not expired."""
    return stage != "gone" and not key.is_for_encryption


def next_change(key: Key, successor: Key | None, now: int, times: KeyTimes) -> int | None:
    """When the key's life changes next; None when only another event can change it."""
    changes = [key.active_from]
    if successor is not None:
        changes += [successor.active_from, successor.active_from + times.retirement]
    return min((change for change in changes if change > now), default=None)


ALREADY_SIGNING = Refusal(
    "invalid_request",
    "There already is a key of this algorithm.",
    hint="Rotate it instead.",
    reason="key_exists",
)
ALREADY_ROTATING = Refusal(
    "invalid_request",
    "The next key of this algorithm is published already, but does not sign yet.",
    hint="Wait until it signs.",
    reason="key_rotation_under_way",
)
NO_SUCH_KEY = Refusal("invalid_request", "There is no such key.", hint="", reason="key_unknown", status=404)


def decide_create(made: NewKey, others: Iterable[Key], now: int) -> Decision[Key]:
    """Create the first key of an algorithm. It signs at once, because nobody can have cached an older key set."""
    if any(other.alg == made.alg and other.status == ACTIVE for other in others):
        return refuse(ALREADY_SIGNING)
    return _created(made, now, active_from=now)


def decide_rotate(
    made: NewKey, others: Iterable[Key], now: int, times: KeyTimes, *, urgent: bool = False
) -> Decision[Key]:
    """Publish the next key of an algorithm. It signs once every cache can contain it.

    ``urgent``: the next key signs at once, because the present one was or is about to be revoked. If a key is published
    already, it takes over instead of a new one, since many caches have it; ``made`` is then discarded.
    """
    same = [other for other in others if other.alg == made.alg and other.status == ACTIVE]
    waiting = min((other for other in same if now < other.active_from), key=_order, default=None)
    if not urgent:
        return refuse(ALREADY_ROTATING) if waiting else _created(made, now, now + times.cache_seconds)
    # The order of two keys that begin in the same second is arbitrary, so the next key begins at least one second after
    # the present one.
    begins = max([now, *(other.active_from + 1 for other in same if other.active_from <= now)])
    if waiting is None:
        return _created(made, now, begins)
    promoted = KeyPromoted(min(begins, waiting.active_from))
    return Decision((promoted,), apply(waiting, promoted))


def _created(made: NewKey, now: int, active_from: int) -> Decision[Key]:
    created = KeyCreated(made.kid, made.alg, made.public_jwk, now, active_from, made.token)
    return Decision((created,), apply(NO_KEY, created))


def decide_revoke(key: Key, reason: str, now: int) -> Decision[None]:
    """Remove the key from the key set at once. Revoking it again appends nothing."""
    if not key.kid:
        return refuse(NO_SUCH_KEY)
    if key.status == REVOKED:
        return Decision((), None)
    return Decision((KeyRevoked(reason, now),), None)
