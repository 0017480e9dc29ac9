"""Identifiers, generated secrets, digests, and comparison in constant time."""

import hashlib
import hmac
import os
import time

from authrim.crypto import base64url

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_BITS = (0xFFF << 64) | ((1 << 62) - 1)


def new_id() -> str:
    """A new UUIDv7 (RFC 9562 §5.7) as 32 lower-case hex digits: unique, and in order of time in an index."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big") & _RANDOM_BITS
    return f"{milliseconds << 80 | _VERSION_7 | _VARIANT | random:032x}"


def first_id_of(seconds: int) -> str:
    """The lower bound of all ids that were made at or after that time (seconds since 1970)."""
    return f"{seconds * 1000 << 80 | _VERSION_7 | _VARIANT:032x}"


def seconds_of_id(identifier: str) -> int:
    """When an id of ``new_id`` was made, in seconds since 1970."""
    return (int(identifier, 16) >> 80) // 1000


def begins_like_an_id(text: str) -> bool:
    """Whether the text may be an id that people copy: with a hyphen before it a program would take it for an option,
    and some take an underscore for punctuation."""
    return not text.startswith(("-", "_"))


def new_token_id() -> str:
    """128 bits of randomness as base64url, for the ``jti`` of a token (RFC 7519 §4.1.7)."""
    while not begins_like_an_id(made := new_secret(128)):
        pass
    return made


def new_secret(bits: int = 256) -> str:
    """``bits`` of randomness (a multiple of 8) as base64url."""
    return base64url.encode(os.urandom(bits // 8))


def digest(value: str | bytes) -> str:
    """SHA-256 of ``value`` (text as UTF-8) as base64url: the form in which the log stores a code or a token."""
    data = value.encode("utf-8") if isinstance(value, str) else value
    return base64url.encode(hashlib.sha256(data).digest())


def constant_time_equal(one: str | bytes, other: str | bytes) -> bool:
    """Whether both are equal, compared in constant time."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _bytes(value: str | bytes) -> bytes:
    # hmac.compare_digest takes text only when it is ASCII, and what a client sends need not be.
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
