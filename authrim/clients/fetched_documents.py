"""What the server fetches for a registration before it accepts it: the document of the sector, and the logo.

Both are fetched through the egress guard, at registration and at every update, so a client cannot make the server send
requests into an internal network (A117, A118).
"""

import msgspec

from authrim.clients.logos import LARGEST_FILE, LogoChange, new_logo
from authrim.core.sealed_rows import PrivateData
from authrim.crypto import strict_json
from authrim.crypto.strict_json import JsonRefused
from authrim.outside.egress import Egress, EgressRefused
from authrim.outside.media_type import MediaType
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration.sector import NOT_FETCHED, document_refusal

_IMAGES = "image/png, image/jpeg, image/webp, image/gif"


def _may_be_an_image(media_type: MediaType) -> bool:
    """Whether to try to decode the file. An image is decoded and re-encoded, whatever its media type says; a page or a
    script is not even tried."""
    return media_type.essence.startswith("image/") or media_type.essence == "application/octet-stream"


class FetchContext(msgspec.Struct, frozen=True):
    """What a fetch needs: the egress, the store of sealed logos, and the client whose share of places it uses
    (A119)."""

    egress: Egress
    private: PrivateData
    client_id: str = ""


async def sector_refusal(fetching: FetchContext | None, metadata: ClientMetadata) -> Refusal | None:
    """Why the document at ``sector_identifier_uri`` does not include the client, or None (OIDC DCR §5).

    This is checked on the whole resulting client every time: a client that its sector no longer includes cannot be
    changed. ``fetching`` None: nothing can be fetched here, so such a client is refused.
    """
    uri = metadata.sector_identifier_uri
    if uri is None:
        return None
    if fetching is None:
        return NOT_FETCHED
    try:
        document = strict_json.loads(
            (await fetching.egress.fetch(uri, client=fetching.client_id)).body, max_bytes=2**24
        )
    except (EgressRefused, JsonRefused):
        return NOT_FETCHED
    return document_refusal(document, metadata.redirect_uris)


async def fetched_logo(
    fetching: FetchContext, metadata: ClientMetadata, before: ClientMetadata
) -> LogoChange | None:
    """How the logo changes when the registration changes from ``before`` to ``metadata``; None: it stays.

    If the logo cannot be fetched, the client has no logo. That is no reason to refuse the client (decisions.md 29).
    """
    if metadata.logo_uri == before.logo_uri:
        return None
    none = LogoChange(fetching.private, None)
    if metadata.logo_uri is None:
        return none
    try:
        image = await fetching.egress.fetch(
            metadata.logo_uri,
            accept=_IMAGES,
            is_expected=_may_be_an_image,
            limit=LARGEST_FILE,
            client=fetching.client_id,
        )
    except EgressRefused:
        return none
    logo = await new_logo(fetching.private, image.body)
    return none if isinstance(logo, Refusal) else logo
