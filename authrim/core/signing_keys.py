"""The keys of the server, to sign with and to be encrypted to: made when there are none, rotated, and revoked.

Two processes that start at once, or two administrators, must not each make a key: every append here is decided
on the keys in memory, says up to which position they were known, and loses when another one came first.
"""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec
import structlog

from authrim.core.clients_and_keys import Configuration
from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.sealed_rows import SIGNING_KEY, PrivateData
from authrim.crypto.key_pair import KeyPair
from authrim.crypto.key_ring import KeyRing
from authrim.crypto.pkcs11_access import TokenAccess, TokenUnavailable
from authrim.crypto.pkcs11_token import Pkcs11Token
from authrim.settings import Settings
from authrim.store import codec
from authrim.store.contract import Store, Unavailable
from domain.decision import Decision
from domain.errors import Refusal
from domain.key import key as keys
from domain.key.events import KeyPromoted
from domain.key.key import ACTIVE, Key, KeyTimes, Life, life, successor_of
from domain.registration.policy import key_times
from domain.stream import KEY, key_stream
from domain.units import MICROSECONDS

log = structlog.get_logger(__name__)

#: Row name of a key's private half.
PRIVATE_HALF: Final = "private"


class ListedKey(msgspec.Struct, frozen=True):
    """A key and where it is in its life. Times in seconds since 1970. ``token``: the token that it is in."""

    kid: str
    alg: str
    use: Literal["sig", "enc"]
    life: Life
    created_at: int
    active_from: int
    revoked_at: int | None = None
    token: str = ""


def key_ring_of(settings: Settings, private: PrivateData) -> KeyRing:
    """An empty key ring that reads private halves from their sealed rows. Raises NoPkcs11."""

    async def private_half(tenant: str, kid: str) -> bytes | None:
        return await private.open(tenant, SIGNING_KEY, kid, PRIVATE_HALF)

    return KeyRing(private_half, key_times_of(settings), token_of(settings))


def token_of(settings: Settings) -> Pkcs11Token | None:
    """The token that new signing keys are made in. Raises NoPkcs11."""
    module, label, pin = settings.pkcs11_module, settings.pkcs11_token, settings.pkcs11_pin
    if module is None or label is None or pin is None:
        return None
    return Pkcs11Token(TokenAccess(module, label, pin.get_secret_value()))


def key_times_of(settings: Settings) -> KeyTimes:
    """The times by which keys live."""
    return key_times(settings.jwks_cache_seconds, settings.id_token_lifetime)


async def ensure_keys(
    store: Store, private: PrivateData, configuration: Configuration, settings: Settings, tenant: str
) -> None:
    """Make the first key of each configured algorithm that has none. ``configuration`` is open.

    Raises Unavailable when others kept changing the configuration meanwhile.
    """
    for alg in settings.key_algorithms:
        if _has_key(configuration.key_ring.keys(tenant), alg):
            continue
        made = await configuration.key_ring.new_key_pair(alg)

        async def attempt(made: KeyPair = made) -> Outcome[Key]:
            await configuration.catch_up()
            now = await _now(store)
            decision = keys.decide_create(made.public, configuration.key_ring.keys(tenant), now)
            return _outcome(private, tenant, made, decision)

        await carry_out(store, tenant, attempt, "system", applied=lambda: configuration.applied)
        await _settled(configuration, tenant, made)
        if not _has_key(configuration.key_ring.keys(tenant), alg):
            raise Unavailable(f"no key could be made for {alg}: the configuration keeps changing")


async def rotate_key(
    store: Store,
    private: PrivateData,
    configuration: Configuration,
    tenant: str,
    alg: str,
    *,
    urgent: bool = False,
) -> Key | Refusal:
    """Publish the next key of an algorithm; it signs once every cache can know it.

    ``urgent``: the one that is published already signs at once, or where there is none a new one, so that those who
    cached the key set must fetch it again. The first key of an algorithm signs at once in any case.
    """
    made = await configuration.key_ring.new_key_pair(alg)

    async def attempt() -> Outcome[Key]:
        await configuration.catch_up()
        now = await _now(store)
        others = configuration.key_ring.keys(tenant)
        if not _has_key(others, alg):
            return _outcome(private, tenant, made, keys.decide_create(made.public, others, now))
        times = configuration.key_ring.times
        decision = keys.decide_rotate(made.public, others, now, times, urgent=urgent)
        return await _rotation(store, private, tenant, made, decision)

    key = await carry_out(store, tenant, attempt, applied=lambda: configuration.applied)
    await _settled(configuration, tenant, made)
    return key


async def revoke_key(
    store: Store,
    private: PrivateData,
    configuration: Configuration,
    tenant: str,
    kid: str,
    reason: str,
) -> Key | Refusal | None:
    """Take a key out of the key set at once: nothing that it signed verifies any more.

    When it is the one that signs, the next one takes over in the same append and is the answer, a new one where none is
    published: at no moment is there nothing to sign with.
    """
    revoked = next((key for key in configuration.key_ring.keys(tenant) if key.kid == kid), None)
    if revoked is None:
        return keys.NO_SUCH_KEY
    made: KeyPair | None = None

    async def attempt() -> Outcome[Key | None]:
        nonlocal made
        await configuration.catch_up()
        read = await store.read_stream(key_stream(tenant, kid))
        key, now = keys.fold(codec.decode_stream(KEY, read)), read.now // MICROSECONDS
        revocation = keys.decide_revoke(key, reason, now)
        if not revocation.events:
            return Outcome(revocation.answer)
        change = Change(key_stream(tenant, kid), read.version, revocation.events, key)
        others, times = configuration.key_ring.keys(tenant), configuration.key_ring.times
        if life(key, successor_of(key, others), now, times) != "active":
            return Outcome(None, (change,))
        if made is None:  # only now: a key that signs no more has to go also when none can be made (F29)
            made = await configuration.key_ring.new_key_pair(revoked.alg)
            return await attempt()
        left = [other for other in others if other.kid != kid]
        replacement = keys.decide_rotate(made.public, left, now, times, urgent=True)
        outcome = await _rotation(store, private, tenant, made, replacement)
        return Outcome(outcome.answer, (*outcome.changes, change), outcome.rows)

    answer = await carry_out(store, tenant, attempt, applied=lambda: configuration.applied)
    await _settled(configuration, tenant, made)
    return answer


async def _settled(configuration: Configuration, tenant: str, made: KeyPair | None) -> None:
    """Take in what was appended. A key that was made and not needed is left nowhere."""
    await configuration.catch_up()
    ring = configuration.key_ring
    if made is not None and all(key.kid != made.public.kid for key in ring.keys(tenant)):
        try:
            await ring.discard(made)
        except TokenUnavailable as error:
            log.warning("keys.left_in_token", kid=made.public.kid, what=str(error))


def list_keys(configuration: Configuration, tenant: str, now: int) -> tuple[ListedKey, ...]:
    """All keys of the tenant, gone ones too, in the order in which they were made. ``now`` in seconds."""
    known = configuration.key_ring.keys(tenant)
    times = configuration.key_ring.times
    return tuple(
        ListedKey(
            key.kid,
            key.alg,
            "enc" if key.is_for_encryption else "sig",
            life(key, successor_of(key, known), now, times),
            key.created_at,
            key.active_from,
            key.revoked_at,
            key.token,
        )
        for key in known
    )


def _has_key(known: Iterable[Key], alg: str) -> bool:
    return any(key.alg == alg and key.status == ACTIVE for key in known)


async def _now(store: Store) -> int:
    return (await store.head()).now // MICROSECONDS


async def _rotation(
    store: Store, private: PrivateData, tenant: str, made: KeyPair, decision: Decision[Key]
) -> Outcome[Key]:
    """A new key that takes over, or the one that was published for it: then only its event is appended."""
    if not any(isinstance(event, KeyPromoted) for event in decision.events):
        return _outcome(private, tenant, made, decision)
    assert isinstance(decision.answer, Key)
    stream = key_stream(tenant, decision.answer.kid)
    read = await store.read_stream(stream)
    before = keys.fold(codec.decode_stream(KEY, read))
    return Outcome(decision.answer, (Change(stream, read.version, decision.events, before),))


def _outcome(private: PrivateData, tenant: str, made: KeyPair, decision: Decision[Key]) -> Outcome[Key]:
    """The new key's event with its private half, sealed, in one append."""
    if not decision.events:
        return Outcome(decision.answer)
    kid = made.public.kid
    change = Change(key_stream(tenant, kid), 0, decision.events)
    return Outcome(
        decision.answer,
        (change,),
        private.first_rows(tenant, SIGNING_KEY, kid, {PRIVATE_HALF: made.private}),
    )
