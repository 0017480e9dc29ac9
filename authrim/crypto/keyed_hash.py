"""HMAC-SHA-256 over several values, each with its length before it.

Without the lengths ``("ab", "c")`` and ``("a", "bc")`` would have the same hash.
"""

import hashlib
import hmac


def keyed_hash(key: bytes, *values: bytes) -> bytes:
    """The 32 bytes of HMAC-SHA-256 over ``values``, each preceded by its length as 4 bytes big-endian."""
    message = b"".join(len(value).to_bytes(4, "big") + value for value in values)
    return hmac.digest(key, message, hashlib.sha256)
