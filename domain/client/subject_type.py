"""The subjects that a client gets for people: the same for every client, or pseudonyms of its sector (OIDC Core §8)."""

from typing import Final
from urllib.parse import urlsplit

from domain.client.metadata import ClientMetadata

PUBLIC: Final = "public"
PAIRWISE: Final = "pairwise"
SUBJECT_TYPES: Final = (PUBLIC, PAIRWISE)

#: Hosts that every device has cannot be a sector.
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def sector_of(metadata: ClientMetadata) -> str | None:
    """The sector identifier (OIDC Core §8.1): a host, or None when the registration has none."""
    if metadata.sector_identifier_uri is not None:
        return _host(metadata.sector_identifier_uri)
    hosts = {_host(uri) for uri in metadata.redirect_uris}
    host = hosts.pop() if len(hosts) == 1 else None
    return None if host in _LOOPBACK else host


def subjects_are_new(before: ClientMetadata, after: ClientMetadata) -> bool:
    """Whether the client would get other subjects for the same people.

    Then its earlier grants must not return the new subjects, because these identify the people to the clients of
    another sector.
    """
    return _known_by(before) != _known_by(after)


def _known_by(metadata: ClientMetadata) -> tuple[str, str | None]:
    pairwise = metadata.subject_type == PAIRWISE
    return (PAIRWISE, sector_of(metadata)) if pairwise else (PUBLIC, None)


def _host(uri: str) -> str | None:
    """The host of a web address; None for an application's own scheme."""
    parts = urlsplit(uri)
    return parts.hostname if parts.scheme in ("https", "http") else None
