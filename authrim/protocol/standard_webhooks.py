"""Standard Webhooks 1.0.0 (standardwebhooks.com): the signature of a message, its secrets and its headers.

What is signed is ``<id>.<timestamp>.<body>``: with an HMAC (``v1``), or with Ed25519 (``v1a``), whose public key can be
given to anybody. A message has a signature for each secret that is in use, so that a receiver can change at leisure.
"""

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

#: What the parts of a key pair and a shared secret begin with.
SECRET: Final = "whsec_"  # noqa: S105 - a prefix, no secret
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
#: Bytes of a shared secret; the specification wants 24 to 64.
_SECRET_BYTES: Final = 32

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"


def new_shared_secret() -> str:
    """A secret for HMAC, in the form that receivers are given."""
    return SECRET + b64encode(os.urandom(_SECRET_BYTES)).decode()


def new_private_key() -> str:
    """A private key for Ed25519."""
    key = Ed25519PrivateKey.generate()
    return PRIVATE + b64encode(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())).decode()


def public_key_of(private_key: str) -> str:
    """The public key, in the form that receivers are given."""
    public = _private(private_key).public_key()
    return PUBLIC + b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a message, with one signature for each secret. ``timestamp`` is that of the attempt."""
    signed = b"%b.%d.%b" % (message_id.encode("ascii"), timestamp, body)
    return {
        ID: message_id,
        TIMESTAMP: str(timestamp),
        SIGNATURE: " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    if secret.startswith(PRIVATE):
        return "v1a," + b64encode(_private(secret).sign(signed)).decode()
    key = b64decode(secret.removeprefix(SECRET))
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()


def _private(text: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(b64decode(text.removeprefix(PRIVATE)))
