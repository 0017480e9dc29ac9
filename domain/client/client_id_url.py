"""A ``client_id`` that is the address of the client's metadata document (draft-ietf-oauth-client-id-metadata-document).

It is compared literally and never normalised, so an address that has several spellings is refused (A120).
"""

from typing import Final
from urllib.parse import urlsplit

from domain.client import redirect_uri

MAX_LENGTH: Final = 500
_HTTPS: Final = "https://"


def looks_like_one(client_id: str) -> bool:
    """Whether the id is meant as an address. No other client id contains a colon."""
    return client_id.startswith(_HTTPS)


def has_client(client_id: str, *, documents: bool) -> bool:
    """Whether there can be a client of this id. Where metadata documents are not read (``documents``), clients that
    have one do not exist: nobody vouches for them, because the document may have been withdrawn long ago."""
    return documents or not looks_like_one(client_id)


def problem(client_id: str) -> str:
    """Why the id cannot be the address of a document, in plain words; empty when it can."""
    if not looks_like_one(client_id):
        return "is not https."
    if len(client_id) > MAX_LENGTH:
        return "is too long."
    shape = redirect_uri.shape_problem(client_id)
    if shape is not None:
        return shape.what
    return "" if urlsplit(client_id).path else "has no path."
