"""Who may vouch for instances of clients: the keys of the trusted attesters, from a file of the operator's."""

from authrim.crypto import strict_json
from authrim.crypto.jwk import JwkRefused
from authrim.crypto.strict_json import JsonRefused
from authrim.crypto.verification_keys import KeySet, read_jwks
from authrim.settings import Settings

_MOST_BYTES = 131_072


class AttestersUnreadable(ValueError):
    """The file of ``client_attesters`` cannot be used. The text says why, and nothing of what stands in it."""


def client_attesters(settings: Settings) -> KeySet:
    """The attesters' keys; without a file nobody is trusted. Raises AttestersUnreadable."""
    if settings.client_attesters is None:
        return KeySet(())
    try:
        document = strict_json.loads(settings.client_attesters.read_bytes(), max_bytes=_MOST_BYTES)
        return read_jwks(document)
    except OSError as error:
        raise AttestersUnreadable(f"client_attesters: {error.strerror}") from None
    except (JsonRefused, JwkRefused) as refused:
        raise AttestersUnreadable(f"client_attesters is no usable JWK Set: {refused}") from None
