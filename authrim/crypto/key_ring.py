"""The keys of all tenants in memory: which key signs now, and which keys are published, verify and decrypt.

The use of a key follows from its state and the time alone (``domain.key.life``). So every process comes to the same
answer, and no job has to run for a key to become active or retired.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from authrim.crypto.jwe import DecryptionKey
from authrim.crypto.jwk import published
from authrim.crypto.jws import CannotSign, KeySet, Signer, SigningKey, VerificationKey
from authrim.crypto.key_pair import ENCRYPTION_ALGORITHMS, KeyPair, load_key, new_key_pair
from authrim.crypto.pkcs11_token import Pkcs11Token, TokenSigner, read_reference
from domain.key.key import ACTIVE, Key, KeyTimes, is_published, life, next_change, successor_of, verifies

PrivateHalf = Callable[[str, str], Awaitable[bytes | None]]
"""From tenant and ``kid`` to the private half (PKCS #8, DER) or to the address of the key in a token, or None when
there is none."""


class NoSigningKey(CannotSign):
    """There is no active signing key for that algorithm."""

    def __init__(self, alg: str) -> None:
        super().__init__(f"no key signs {alg} now")


class _Moment(NamedTuple):
    """The use of a tenant's keys from one change of a key's life to the next. Times are in seconds."""

    begins: int
    ends: int | None
    signers: dict[str, Signer]
    signing_kids: dict[str, str]
    verification_keys: KeySet
    past_and_present_keys: KeySet
    decryption_keys: tuple[DecryptionKey, ...]
    jwks: bytes

    def covers(self, now: int) -> bool:
        return self.begins <= now and (self.ends is None or now < self.ends)


class KeyRing:
    """The keys of each tenant. ``now`` is in seconds by the clock that the caller decides with."""

    def __init__(self, private_half: PrivateHalf, times: KeyTimes, token: Pkcs11Token | None = None) -> None:
        """``token``: where new keys are made that sign; None: in this process."""
        self._private_half = private_half
        self._times = times
        self._token = token
        self._keys: dict[str, dict[str, Key]] = {}
        self._loaded: dict[tuple[str, str], Signer | DecryptionKey] = {}
        self._moments: dict[str, _Moment] = {}

    @property
    def times(self) -> KeyTimes:
        """How long key sets are cached and tokens are valid: the times of a rotation."""
        return self._times

    async def adopt(self, tenant: str, key: Key) -> None:
        """Take in a new or changed key. Its private half is loaded once and dropped when it is revoked."""
        loaded = (tenant, key.kid)
        if key.status != ACTIVE:
            self._loaded.pop(loaded, None)
        elif loaded not in self._loaded:
            private = await self._private_half(tenant, key.kid)
            if private is not None and (usable := self._load(key, private)) is not None:
                self._loaded[loaded] = usable
        self._keys.setdefault(tenant, {})[key.kid] = key
        self._moments.pop(tenant, None)

    def _load(self, key: Key, private: bytes) -> Signer | DecryptionKey | None:
        """The key, ready for use; None when it is in a token that is not configured here: then it verifies, and does
        not sign."""
        reference = read_reference(private)
        if reference is None:
            return load_key(key.kid, key.alg, private)
        label, key_id = reference
        if self._token is None or self._token.label != label:
            return None
        return TokenSigner(key_id, self._token, key.kid, key.alg, key.public_jwk)

    async def new_key_pair(self, alg: str) -> KeyPair:
        """Make a key where new keys are made. Raises TokenUnavailable, and ValueError for an unknown algorithm."""
        if self._token is None or alg in ENCRYPTION_ALGORITHMS:
            return await new_key_pair(alg)
        return await self._token.new_key_pair(alg)

    async def discard(self, pair: KeyPair) -> None:
        """Leave nothing of a new key that was not taken in. Raises TokenUnavailable."""
        if self._token is not None and read_reference(pair.private) is not None:
            await self._token.discard(pair)

    def keys(self, tenant: str) -> tuple[Key, ...]:
        """All keys of the tenant, including those that are gone, oldest first."""
        return tuple(sorted(self._keys.get(tenant, {}).values(), key=lambda key: (key.created_at, key.kid)))

    def signer(self, tenant: str, alg: str, now: int) -> Signer:
        """The key that signs with ``alg`` now. Raises NoSigningKey."""
        signer = self._at(tenant, now).signers.get(alg)
        if signer is None:
            raise NoSigningKey(alg)
        return signer

    def signing_kids(self, tenant: str, now: int) -> Mapping[str, str]:
        """The id of the key that signs with each algorithm now."""
        return self._at(tenant, now).signing_kids

    def signer_of(self, tenant: str, kid: str) -> Signer | None:
        """The key of that id, which signed a moment ago and may have retired since; None if it was revoked."""
        loaded = self._loaded.get((tenant, kid))
        return loaded if isinstance(loaded, SigningKey | TokenSigner) else None

    def algorithms(self, tenant: str, now: int) -> tuple[str, ...]:
        """The algorithms that the tenant currently signs with, in alphabetical order."""
        return tuple(sorted(self._at(tenant, now).signers))

    def jwks(self, tenant: str, now: int) -> bytes:
        """The published key set (RFC 7517 §5) as JSON."""
        return self._at(tenant, now).jwks

    def verification_keys(self, tenant: str, now: int) -> KeySet:
        """The keys that verify our own signatures: all published keys, including retired ones."""
        return self._at(tenant, now).verification_keys

    def past_and_present_keys(self, tenant: str, now: int) -> KeySet:
        """The keys that our signatures of whatever age are recognised by, when how old they are does not matter: of a
        hint (F28). A key that was revoked is never among them."""
        return self._at(tenant, now).past_and_present_keys

    def decryption_keys(self, tenant: str, now: int) -> tuple[DecryptionKey, ...]:
        """The keys that open what is encrypted to this server: also those that others may still hold in their caches,
        and those that are published for later."""
        return self._at(tenant, now).decryption_keys

    def _at(self, tenant: str, now: int) -> _Moment:
        moment = self._moments.get(tenant)
        if moment is None or not moment.covers(now):
            moment = self._moments[tenant] = self._compute(tenant, now)
        return moment

    def _compute(self, tenant: str, now: int) -> _Moment:
        keys = self.keys(tenant)
        signers: dict[str, Signer] = {}
        opening: list[DecryptionKey] = []
        verifying: list[VerificationKey] = []
        recognised: list[VerificationKey] = []
        public: list[dict[str, Any]] = []
        changes: list[int] = []
        for key in keys:
            successor = successor_of(key, keys)
            change = next_change(key, successor, now, self._times)
            if change is not None:
                changes.append(change)
            stage = life(key, successor, now, self._times)
            if is_published(key, stage):
                public.append(published(key.public_jwk))
            loaded = self._loaded.get((tenant, key.kid))
            if key.status == ACTIVE and not key.is_for_encryption:
                recognised.append(VerificationKey.from_jwk(published(key.public_jwk)))
            if verifies(key, stage):
                verifying.append(recognised[-1])
            if stage != "gone" and isinstance(loaded, DecryptionKey):
                opening.append(loaded)
            if stage == "active" and isinstance(loaded, SigningKey | TokenSigner):
                signers[key.alg] = loaded
        return _Moment(
            begins=now,
            ends=min(changes, default=None),
            signers=signers,
            signing_kids={alg: signer.kid for alg, signer in signers.items()},
            verification_keys=KeySet(verifying),
            past_and_present_keys=KeySet(recognised),
            decryption_keys=tuple(opening),
            jwks=json.dumps({"keys": public}, separators=(",", ":")).encode("ascii"),
        )
