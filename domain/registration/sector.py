"""OIDC Core §8.1: the sector of a client. Its clients share one pseudonym of a person, which no other client gets.

The sector is a host: that of ``sector_identifier_uri``, whose document must list every redirect URI of the client, or
else the host that all redirect URIs have in common.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from domain.client.metadata import ClientMetadata
from domain.client.subject_type import PAIRWISE, sector_of
from domain.errors import Refusal
from domain.registration._policy_keys import fetched_uri
from domain.registration.invalid_metadata import invalid

_SECTION: Final = "OIDC Core §8.1"
_DOCUMENT_SECTION: Final = "OIDC DCR §5"
NOT_FETCHED: Final = invalid(
    "sector_identifier_uri",
    "could not be read.",
    hint="Publish the document there first.",
    section=_DOCUMENT_SECTION,
)


def checks(metadata: ClientMetadata, development: bool) -> Iterable[Refusal | None]:
    """The rules of a registration, without the document. ``development``: it may be at a loopback http address."""
    uri = metadata.sector_identifier_uri
    if uri is not None:
        yield fetched_uri("sector_identifier_uri", uri, development)
    if metadata.subject_type == PAIRWISE and sector_of(metadata) is None:
        yield invalid(
            "sector_identifier_uri",
            "is missing for pairwise subjects: the redirect URIs do not share one host of the client's own.",
            hint="Register it, with a document that lists all redirect URIs.",
            section=_SECTION,
        )


def document_refusal(document: object, redirect_uris: Sequence[str]) -> Refusal | None:
    """Why the document at ``sector_identifier_uri`` does not include these redirect URIs, or None."""
    if not isinstance(document, list) or not all(isinstance(uri, str) for uri in document):
        return invalid(
            "sector_identifier_uri",
            "does not lead to a list of URIs.",
            hint="Publish a JSON array of strings.",
            section=_DOCUMENT_SECTION,
        )
    if not set(redirect_uris) <= set(document):
        return invalid(
            "sector_identifier_uri",
            "does not list all redirect URIs.",
            hint="Add them to the document.",
            section=_DOCUMENT_SECTION,
        )
    return None
