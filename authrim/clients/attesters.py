"""The trusted attesters of client instances, from a file of the operator.

An attester can vouch only for the clients that name it (``client_attesters`` of the registration), so the vendor of one
application has no power over another. For a client that names none, the attester is the only one in the file; if there
are several, no attester can vouch for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from authrim.crypto import strict_json
from authrim.crypto.jwk import JwkRefused
from authrim.crypto.strict_json import JsonRefused
from authrim.crypto.verification_keys import KeySet, VerificationKey, read_jwks
from authrim.settings import Settings
from domain.client.client import Client

_MOST_BYTES: Final = 131_072


class AttestersUnreadable(ValueError):
    """The file of ``client_attesters`` cannot be used. The text says why, and contains nothing from the file."""


class AttestersOfAClient:
    """The keys of the attesters that may vouch for one client."""

    def __init__(self, attesters: Sequence[KeySet]) -> None:
        self._attesters = attesters

    def __call__(self, header: Mapping[str, Any]) -> VerificationKey | None:
        """The key that the header names; None when two attesters have a key with that name."""
        found = [key for keys in self._attesters if (key := keys(header)) is not None]
        return found[0] if len(found) == 1 else None


class ClientAttesters:
    """All trusted attesters, by name."""

    def __init__(self, attesters: Mapping[str, KeySet]) -> None:
        self._attesters = attesters

    def of(self, client: Client) -> AttestersOfAClient:
        """The attesters that may vouch for ``client``."""
        names: Sequence[str] = client.metadata.client_attesters
        if not names and len(self._attesters) == 1:
            names = tuple(self._attesters)
        return AttestersOfAClient([self._attesters[name] for name in names if name in self._attesters])


def client_attesters(settings: Settings) -> ClientAttesters:
    """Read the attesters. Without a file, none is trusted. Raises AttestersUnreadable."""
    if settings.client_attesters is None:
        return ClientAttesters({})
    try:
        document = strict_json.loads(settings.client_attesters.read_bytes(), max_bytes=_MOST_BYTES)
        return ClientAttesters(_read(document))
    except OSError as error:
        raise AttestersUnreadable(f"client_attesters: {error.strerror}") from None
    except (JsonRefused, JwkRefused) as refused:
        raise AttestersUnreadable(f"client_attesters has no usable JWK Sets: {refused}") from None


def _read(document: object) -> dict[str, KeySet]:
    """Read either names with a key set each, or one key set where each key is an attester named by its ``kid``. Raises
    JwkRefused."""
    if not isinstance(document, Mapping) or isinstance(document.get("keys"), list):
        return dict(read_jwks(document).one_by_one())
    return {name: read_jwks(jwks) for name, jwks in document.items()}
