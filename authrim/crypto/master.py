"""The master keys, and the keys derived from them, one per purpose (RFC 5869).

The first is current; the others only read what was made with them, until everything is made again. Nothing is
encrypted or signed with a master key itself.
"""

import hashlib
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from authrim.crypto import base64url
from authrim.crypto.base64url import NotBase64url

KEY_BYTES = 32
#: An id is this many lower-case hex digits.
ID_LENGTH = 8


class MasterKeyRefused(ValueError):
    """A configured master key cannot be used. The text says which and why, never its value."""


class UnknownMasterKey(LookupError):
    """Something was made with a master key that is no longer configured. Holds the key's id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"no master key with the id {key_id} is configured")


class MasterKeys:
    """The configured master keys, known by id; the first of them is ``current_id``."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Raises MasterKeyRefused if there is no key, one is not 32 bytes long, or one is repeated."""
        if not keys:
            raise MasterKeyRefused("no master key is configured")
        self._keys: dict[str, bytes] = {}
        self._derived: dict[tuple[str, str], bytes] = {}
        for number, key in enumerate(keys, start=1):
            if len(key) != KEY_BYTES:
                raise MasterKeyRefused(f"master key {number} is not {KEY_BYTES} bytes long")
            key_id = _id_of(key)
            if key_id in self._keys:
                raise MasterKeyRefused(f"master key {number} is given twice")
            self._keys[key_id] = key
        self.key_ids = tuple(self._keys)
        self.current_id = self.key_ids[0]

    @classmethod
    def from_settings(cls, texts: Sequence[str]) -> "MasterKeys":
        """The master keys from their settings, each 32 random bytes as base64url. Raises MasterKeyRefused."""
        return cls([_from_text(number, text) for number, text in enumerate(texts, start=1)])

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
