"""A client's logo: an administrator's image becomes a PNG that we made, sealed beside the log (decisions.md 29).

What a client's owner sends is never shown as it is. It is decoded and drawn anew, so that no script (SVG), no
trailing bytes and no metadata of a photograph reach a person's browser (A117).
"""

import asyncio
import warnings
from io import BytesIO
from typing import Final

import msgspec
from PIL import Image, ImageOps

from authrim.core.sealed_rows import CLIENT, PrivateData, erasing_row
from authrim.crypto.ids import digest
from domain.errors import Refusal
from projections.rows import Row

#: Name of the sealed row with the PNG.
LOGO: Final = "logo"

LARGEST_FILE: Final = 1024 * 1024
MOST_PIXELS: Final = 4096 * 4096
#: Pixels of the longer side of what is served: the pages show it at 56, on dense screens at up to four times that.
LONGEST_SIDE: Final = 256
#: Pixel formats only. SVG is a document, and decoders of rarer formats are where the weaknesses are.
FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")

# Pillow warns of large images at a limit of its own; ours is lower and ends in a refusal.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class LogoChange(msgspec.Struct, frozen=True):
    """What becomes of a client's logo: ``png`` takes the place of the one before; None takes it away."""

    private: PrivateData
    png: bytes | None

    @property
    def digest(self) -> str | None:
        """What the registration says of it (``ClientMetadata.logo_digest``)."""
        return None if self.png is None else digest(self.png)

    async def rows(self, tenant: str, client_id: str) -> tuple[Row, ...]:
        """The row operations that go with the registration's event. Raises SealBroken."""
        if self.png is None:
            return (erasing_row(tenant, CLIENT, client_id, LOGO),)
        return await self.private.more_rows(tenant, CLIENT, client_id, {LOGO: self.png})


async def new_logo(private: PrivateData, image: bytes) -> LogoChange | Refusal:
    """The logo that an image file of at most ``LARGEST_FILE`` bytes gives, or why it gives none."""
    png = await asyncio.to_thread(_as_png, image)
    return png if isinstance(png, Refusal) else LogoChange(private, png)


async def stored_logo(private: PrivateData, tenant: str, client_id: str) -> bytes | None:
    """The PNG that is kept for a client, or None. Raises SealBroken."""
    return await private.open(tenant, CLIENT, client_id, LOGO)


def _as_png(image: bytes) -> bytes | Refusal:
    """The first frame, upright, at most ``LONGEST_SIDE`` on each side, and nothing but its pixels."""
    if len(image) > LARGEST_FILE:
        return _refused("is larger than 1 MiB.", "Give a smaller file.")
    try:
        with Image.open(BytesIO(image), formats=FORMATS) as opened:
            # Only the header has been read so far: a decompression bomb is refused before it unfolds.
            if opened.width * opened.height > MOST_PIXELS:
                return _TOO_MANY_PIXELS
            return _drawn_anew(opened)
    except Image.DecompressionBombError:
        return _TOO_MANY_PIXELS
    except Exception:  # decoders raise whatever the bytes lead them into; none of it says more to a person
        return _refused("is no image that can be read.", f"Give a file of {', '.join(FORMATS)}; SVG never.")


def _drawn_anew(opened: Image.Image) -> bytes:
    small = opened.convert("RGBA")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    picture = ImageOps.exif_transpose(small)
    picture.info.clear()  # colour profile, comments and the like would be written again
    written = BytesIO()
    picture.save(written, "PNG", optimize=True)
    return written.getvalue()


def _refused(what: str, hint: str) -> Refusal:
    return Refusal("invalid_client_metadata", f"The logo {what}", hint=hint, section="RFC 7591 §3.2.2")


_TOO_MANY_PIXELS: Final = _refused("has too many pixels.", "Give one of at most 4096 by 4096.")
