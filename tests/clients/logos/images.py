"""Images as an administrator might give them, good and bad."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

RED, BLUE = (255, 0, 0), (0, 0, 255)
CANARY = "canary-of-a-photographer"
_ORIENTATION, _ARTIST, _TURN_RIGHT = 0x0112, 0x013B, 6


def image(color: tuple[int, int, int] = RED, size: tuple[int, int] = (64, 64), **saved: Any) -> bytes:
    """A picture of one colour; a PNG unless ``format`` says otherwise."""
    written = BytesIO()
    Image.new("RGB", size, color).save(written, **({"format": "PNG"} | saved))
    return written.getvalue()


def photograph() -> bytes:
    """A JPEG, red over blue once it is turned as its metadata says, that tells who took it."""
    stored = Image.new("RGB", (400, 200), RED)
    stored.paste(BLUE, (200, 0, 400, 200))
    exif = Image.Exif()
    exif[_ORIENTATION], exif[_ARTIST] = _TURN_RIGHT, CANARY
    written = BytesIO()
    stored.save(written, "JPEG", exif=exif, comment=CANARY, icc_profile=CANARY.encode())
    return written.getvalue() + CANARY.encode()


def animation() -> bytes:
    """A GIF whose first frame is red and whose second is blue."""
    written = BytesIO()
    first, second = (Image.new("RGB", (32, 32), color) for color in (RED, BLUE))
    first.save(written, "GIF", save_all=True, append_images=[second])
    return written.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that unfolds to ``side`` by ``side`` pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1024))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def chunk_names(png: bytes) -> list[str]:
    """The chunks of a PNG, in order (PNG §5.3)."""
    names, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        names.append(png[at + 4 : at + 8].decode())
        at += 12 + length
    return names


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
