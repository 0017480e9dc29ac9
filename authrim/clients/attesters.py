"""Who may vouch for instances of clients: the trusted attesters, from a file of the operator's.

An attester vouches for the clients that name it (``client_attesters`` of the registration), and for no others: the
vendor of one application has no say about another's. A client that names none is vouched for by the only attester there
is; where there are several, by nobody.
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
    """The file of ``client_attesters`` cannot be used. The text says why, and nothing of what stands in it."""


class AttestersOfAClient:
    """The keys of those who may vouch for one client."""

    def __init__(self, attesters: Sequence[KeySet]) -> None:
        self._attesters = attesters

    def __call__(self, header: Mapping[str, Any]) -> VerificationKey | None:
        """The key that the header names; none where two attesters have one of that name."""
        found = [key for keys in self._attesters if (key := keys(header)) is not None]
        return found[0] if len(found) == 1 else None


class ClientAttesters:
    """All attesters that are trusted, by name."""

    def __init__(self, attesters: Mapping[str, KeySet]) -> None:
        self._attesters = attesters

    def of(self, client: Client) -> AttestersOfAClient:
        """Those who may vouch for ``client``."""
        names: Sequence[str] = client.metadata.client_attesters
        if not names and len(self._attesters) == 1:
            names = tuple(self._attesters)
        return AttestersOfAClient([self._attesters[name] for name in names if name in self._attesters])


def client_attesters(settings: Settings) -> ClientAttesters:
    """The attesters; without a file nobody is trusted. Raises AttestersUnreadable."""
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
    """Either names, each with its key set, or one set in which each key is an attester called by its ``kid``. Raises
    JwkRefused."""
    if not isinstance(document, Mapping) or isinstance(document.get("keys"), list):
        return dict(read_jwks(document).one_by_one())
    return {name: read_jwks(jwks) for name, jwks in document.items()}
