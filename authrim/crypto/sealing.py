"""Encryption of the rows that hold personal and secret data, and keyed hashes of values that can be guessed.

Each owner (a subject, a grant, a signing key) has a random data key; its rows are sealed with that, and the
data key is wrapped under the master key. Destroying the wrapped data key destroys all that the owner has
(decisions.md 16). AES-256-GCM throughout; a row's own key text is authenticated, so that no row can be put in
another's place.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from authrim.crypto import base64url
from authrim.crypto.keyed_hash import keyed_hash
from authrim.crypto.master import MasterKeys, UnknownMasterKey
from domain.vocabulary.text import LONGEST_FOLDING, LONGEST_LOGIN, normalized

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12


class SealBroken(Exception):
    """The bytes were not sealed for this row, or their key does not exist. The message says no more."""

    def __init__(self) -> None:
        super().__init__("a sealed row cannot be opened")


def new_data_key() -> bytes:
    """A random 256-bit data key for one owner."""
    return AESGCM.generate_key(bit_length=256)


def wrap(master: MasterKeys, row_key: str, data_key: bytes, key_id: str | None = None) -> bytes:
    """``data_key`` sealed under the current master key, or the one of that id, for the row ``row_key``.

    The bytes begin with a version and the id of the master key, so they can be read after another key became current.
    """
    key_id = key_id or master.current_id
    header = _VERSION + bytes.fromhex(key_id)
    return header + _encrypt(_wrapping_key(master, key_id, row_key), header, row_key, data_key)


def master_key_of(wrapped: bytes) -> str:
    """The id of the master key that a data key says it is wrapped under; empty when it says none."""
    header = wrapped[: 1 + _KEY_ID_BYTES]
    return header[1:].hex() if header[:1] == _VERSION and len(header) == 1 + _KEY_ID_BYTES else ""


def unwrap(master: MasterKeys, row_key: str, wrapped: bytes) -> bytes:
    """The data key that was wrapped for the row ``row_key``. Raises SealBroken."""
    header = wrapped[: 1 + _KEY_ID_BYTES]
    if header[:1] != _VERSION:
        raise SealBroken
    try:
        wrapping_key = _wrapping_key(master, header[1:].hex(), row_key)
    except UnknownMasterKey:
        raise SealBroken from None
    return _decrypt(wrapping_key, header, row_key, wrapped[len(header) :])


def seal(data_key: bytes, row_key: str, plaintext: bytes) -> bytes:
    """``plaintext`` sealed under the owner's data key for the row ``row_key``."""
    return _VERSION + _encrypt(data_key, _VERSION, row_key, plaintext)


def open_sealed(data_key: bytes, row_key: str, sealed: bytes) -> bytes:
    """Decrypt what was sealed for the row ``row_key``. Raises SealBroken."""
    if sealed[:1] != _VERSION:
        raise SealBroken
    return _decrypt(data_key, _VERSION, row_key, sealed[1:])


def _wrapping_key(master: MasterKeys, key_id: str, row_key: str) -> bytes:
    # One key per row: random 96-bit nonces under a single key would limit how many owners there can be.
    return keyed_hash(master.derive("wrap", key_id), row_key.encode("utf-8"))


def _encrypt(key: bytes, header: bytes, row_key: str, plaintext: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, header + row_key.encode("utf-8"))


def _decrypt(key: bytes, header: bytes, row_key: str, encrypted: bytes) -> bytes:
    nonce, ciphertext = encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:]
    if len(nonce) != _NONCE_BYTES:
        raise SealBroken
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, header + row_key.encode("utf-8"))
    except InvalidTag:
        raise SealBroken from None


def canonical_login(login: str) -> str:
    """The canonical form of a login: no case, no compatibility variants, no surrounding space (A225).

    Raises TextTooLong: nobody's login is longer than ``LONGEST_LOGIN``.
    """
    folded = normalized("NFKC", login, LONGEST_LOGIN).casefold()
    return normalized("NFKC", folded, LONGEST_LOGIN * LONGEST_FOLDING).strip()


def login_hmac(master: MasterKeys, tenant: str, login: str, key_id: str | None = None) -> str:
    """The keyed hash under which a login is found, in base64url. ``key_id``: an earlier master key.

    Raises TextTooLong.
    """
    return _login_hash(master, tenant, canonical_login(login), key_id)


def login_hmacs(master: MasterKeys, tenant: str, login: str) -> tuple[str, ...]:
    """The hashes of a login under every master key, the current one first: normalized once. Raises TextTooLong."""
    canonical = canonical_login(login)
    return tuple(_login_hash(master, tenant, canonical, key_id) for key_id in master.key_ids)


def _login_hash(master: MasterKeys, tenant: str, canonical: str, key_id: str | None) -> str:
    values = tenant.encode("utf-8"), canonical.encode("utf-8", "surrogatepass")
    return base64url.encode(keyed_hash(master.derive("login", key_id), *values))


def address_hash(master: MasterKeys, tenant: str, address: str, key_id: str | None = None) -> str:
    """The keyed hash of a network address, as the log's metadata holds it, in base64url. ``key_id``: an earlier
    master key."""
    values = tenant.encode("utf-8"), address.encode("utf-8")
    return base64url.encode(keyed_hash(master.derive("address", key_id), *values))
