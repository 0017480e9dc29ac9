"""What a registration names and the server fetches before it is taken: the sector's document, the logo.

Both go through the egress guard, so that no client makes us reach into a network of ours, at registration and at
every update (A117, A118).
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
    """It is decoded and drawn anew whatever it says; a page or a script is not even tried."""
    return media_type.essence.startswith("image/") or media_type.essence == "application/octet-stream"


class FetchContext(msgspec.Struct, frozen=True):
    """What a fetch needs: the egress, the store of sealed pictures, and whose share of places it uses (A119)."""

    egress: Egress
    private: PrivateData
    client_id: str = ""


async def sector_refusal(fetching: FetchContext | None, metadata: ClientMetadata) -> Refusal | None:
    """Why the document behind ``sector_identifier_uri`` does not vouch for the client, or None (OIDC DCR §5).

    Asked on the whole resulting client, each time: a client that no sector vouches for any more must not change.
    ``fetching`` None: nothing can be fetched here, so nothing is vouched for.
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
    """What becomes of the picture when the registration turns from ``before`` to ``metadata``; None: it stays.

    A picture that cannot be had is no reason to refuse the client: it has none then (decisions.md 29).
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
