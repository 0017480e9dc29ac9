"""The master keys, and the keys derived from them, one per purpose (RFC 5869).

The first is current; the others only read what was made with them, until everything is made again. Nothing is
encrypted or signed with a master key itself.

What a key made that cannot be made again (a pseudonym that clients know, a refresh token that is valid) needs one
derived key forever, or for long. Such derived keys are kept, sealed under the current key, when a master key leaves.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from authrim.crypto import base64url
from authrim.crypto.base64url import NotBase64url

KEY_BYTES = 32
#: An id is this many lower-case hex digits.
ID_LENGTH = 8

#: What is derived from the oldest master key, and stays the same whichever key is current: others know what was made
#: with it, the log has it, or a browser got it from a process that has other keys in front.
LASTING: Final = (
    "browser-state", "csrf", "pairwise", "pairwise-sid", "pushed-request-browser", "recorded setting",
    "security-event-token", "signal-subject",
)  # fmt: skip
#: What is derived from each master key, and is recognised after the key has left: refresh tokens that are still valid,
#: and the addresses in the log.
RECOGNISED: Final = ("address", "refresh-token")


class MasterKeyRefused(ValueError):
    """A configured master key cannot be used. The text says which and why, never its value."""


class UnknownMasterKey(LookupError):
    """Something was made with a master key that is no longer configured. Holds the key's id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"no master key with the id {key_id} is configured")


class KeptKeys(NamedTuple):
    """What is kept of a master key that leaves: its derived keys by purpose."""

    key_id: str
    derived: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"KeptKeys({self.key_id})"


class MasterKeys:
    """The master keys that are configured, known by id: ``current_id`` seals, ``older_ids`` are behind it, the newest
    first. ``next_id`` is a key that other processes may seal with already. ``key_ids`` are all of them."""

    def __init__(self, keys: Sequence[bytes], next_key: bytes | None = None) -> None:
        """Raises MasterKeyRefused if there is no key, one is not 32 bytes long, or one is repeated."""
        if not keys:
            raise MasterKeyRefused("no master key is configured")
        self._keys: dict[str, bytes] = {}
        self._derived: dict[tuple[str, str], bytes] = {}
        self._kept: dict[str, KeptKeys] = {}
        for number, key in enumerate((*keys, *([] if next_key is None else [next_key])), start=1):
            if len(key) != KEY_BYTES:
                raise MasterKeyRefused(f"master key {number} is not {KEY_BYTES} bytes long")
            key_id = _id_of(key)
            if key_id in self._keys:
                raise MasterKeyRefused(f"master key {number} is given twice")
            self._keys[key_id] = key
        self.key_ids = tuple(self._keys)
        self.current_id, *older = self.key_ids[: len(keys)]
        self.older_ids = tuple(older)
        self.next_id = None if next_key is None else self.key_ids[-1]

    @classmethod
    def from_settings(cls, texts: Sequence[str], next_text: str | None = None) -> "MasterKeys":
        """The master keys from their settings, each 32 random bytes as base64url. Raises MasterKeyRefused."""
        keys = [_from_text(number, text) for number, text in enumerate(texts, start=1)]
        return cls(keys, None if next_text is None else _from_text(len(keys) + 1, next_text))

    @property
    def last_id(self) -> str:
        """The oldest of the keys that are configured."""
        return (self.current_id, *self.older_ids)[-1]

    @property
    def is_oldest_kept(self) -> bool:
        """Whether what the oldest key made no longer needs that key."""
        return self._keeping("pairwise") is not None

    def lasting_id(self, purpose: str) -> str:
        """The id of the key that makes what lasts: the oldest one, though it may have left."""
        return self._keeping(purpose) or self.last_id

    def _keeping(self, purpose: str) -> str | None:
        return next((kept.key_id for kept in self._kept.values() if purpose in kept.derived), None)

    def ids_for(self, purpose: str) -> tuple[str, ...]:
        """The ids of all keys that ``derive`` knows for a purpose: those that have left come last."""
        left = (
            kept.key_id
            for kept in self._kept.values()
            if purpose in kept.derived and kept.key_id not in self._keys
        )
        return (*self.key_ids, *left)

    def remember(self, kept: KeptKeys) -> None:
        """Take in what was kept of a key that has left, or is about to."""
        self._kept[kept.key_id] = kept
        self._derived |= {(purpose, kept.key_id): key for purpose, key in kept.derived.items()}

    def to_keep(self, key_id: str) -> KeptKeys:
        """What has to be kept of a key that leaves. Raises UnknownMasterKey."""
        lasting = (purpose for purpose in LASTING if self.lasting_id(purpose) == key_id)
        return KeptKeys(
            key_id, {purpose: self.derive(purpose, key_id) for purpose in (*RECOGNISED, *lasting)}
        )

    def derive_lasting(self, purpose: str) -> bytes:
        """The key for one of the ``LASTING`` purposes: it is the same whichever master key is current."""
        if purpose not in LASTING:
            raise ValueError(f"what is made for {purpose} does not last")
        return self.derive(purpose, self.lasting_id(purpose))

    def derive(self, purpose: str, key_id: str | None = None) -> bytes:
        """The 32-byte key for ``purpose`` under that master key, or the current one.

        Raises UnknownMasterKey.
        """
        key_id = key_id or self.current_id
        derived = self._derived.get((purpose, key_id))
        if derived is None:
            if key_id not in self._keys:
                raise UnknownMasterKey(key_id)
            derived = self._derived[purpose, key_id] = _derive(self._keys[key_id], purpose)
        return derived

    def __repr__(self) -> str:
        return f"MasterKeys({', '.join(self.key_ids)})"


def _from_text(number: int, text: str) -> bytes:
    try:
        return base64url.decode(text.strip())
    except NotBase64url:
        raise MasterKeyRefused(f"master key {number} is not base64url without padding") from None


def _id_of(key: bytes) -> str:
    return hashlib.sha256(_derive(key, "id")).hexdigest()[:ID_LENGTH]


def _derive(key: bytes, purpose: str) -> bytes:
    info = b"authrim/v1/" + purpose.encode("ascii")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key)
