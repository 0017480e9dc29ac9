"""A client's logo: the uploaded image is re-encoded as a PNG and sealed in a row beside the log (decisions.md 29).

The original file is never served. It is decoded and encoded again, so no script (SVG), no trailing bytes and no
metadata of a photograph reach a person's browser (A117).
"""

import asyncio
import warnings
from io import BytesIO
from typing import Final

import msgspec

from authrim.core.sealed_rows import CLIENT, PrivateData, erasing_row
from authrim.crypto.ids import digest
from domain.errors import Refusal
from projections.rows import Row

#: The name of the sealed row with the PNG.
LOGO: Final = "logo"

LARGEST_FILE: Final = 1024 * 1024
MOST_PIXELS: Final = 4096 * 4096
#: The longer side of a served logo in pixels. The pages show it at 56, on dense screens at up to four times that.
LONGEST_SIDE: Final = 256
#: Only pixel formats. SVG is a document, and most vulnerabilities are in the decoders of rare formats.
FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")


class LogoChange(msgspec.Struct, frozen=True):
    """The change of a client's logo: ``png`` replaces the previous one; None removes it."""

    private: PrivateData
    png: bytes | None

    @property
    def digest(self) -> str | None:
        """The digest for the registration (``ClientMetadata.logo_digest``)."""
        return None if self.png is None else digest(self.png)

    async def rows(self, tenant: str, client_id: str) -> tuple[Row, ...]:
        """The row operations that are written with the registration's event. Raises SealBroken."""
        if self.png is None:
            return (erasing_row(tenant, CLIENT, client_id, LOGO),)
        return await self.private.more_rows(tenant, CLIENT, client_id, {LOGO: self.png})


async def new_logo(private: PrivateData, image: bytes) -> LogoChange | Refusal:
    """The logo from an image file of at most ``LARGEST_FILE`` bytes, or why there is none."""
    png = await asyncio.to_thread(_as_png, image)
    return png if isinstance(png, Refusal) else LogoChange(private, png)


async def stored_logo(private: PrivateData, tenant: str, client_id: str) -> bytes | None:
    """The stored PNG of a client, or None. Raises SealBroken."""
    return await private.open(tenant, CLIENT, client_id, LOGO)


def _as_png(image: bytes) -> bytes | Refusal:
    """The first frame, upright, at most ``LONGEST_SIDE`` on each side, without metadata."""
    if len(image) > LARGEST_FILE:
        return _refused("is larger than 1 MiB.", "Give a smaller file.")
    from PIL import Image, ImageFile, ImageOps  # only a registration with a logo needs it

    # Pillow has one switch for all who read parts of pictures, and WeasyPrint turns it on for its whole process.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    # Pillow warns about large images at its own limit; ours is lower and refuses them.
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    try:
        with Image.open(BytesIO(image), formats=FORMATS) as opened:
            # Only the header has been read so far, so a decompression bomb is refused before it is decompressed.
            if opened.width * opened.height > MOST_PIXELS:
                return _TOO_MANY_PIXELS
            small = opened.convert("RGBA")
        small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        picture = ImageOps.exif_transpose(small)
        picture.info.clear()  # else the colour profile and comments would be written too
        written = BytesIO()
        picture.save(written, "PNG", optimize=True)
    except Image.DecompressionBombError:
        return _TOO_MANY_PIXELS
    except Exception:  # decoders raise many types; none helps the person more
        return _refused("is not a readable image.", f"Give a {', '.join(FORMATS)} file, not SVG.")
    return written.getvalue()


def _refused(what: str, hint: str) -> Refusal:
    return Refusal("invalid_client_metadata", f"The logo {what}", hint=hint, section="RFC 7591 §3.2.2")


_TOO_MANY_PIXELS: Final = _refused("has too many pixels.", "Give one of at most 4096 by 4096.")
