"""base64url without padding, in its one canonical form (RFC 4648 §5 and §3.5, RFC 7515 §2).

Padding, whitespace, the ``+/`` alphabet and non-zero trailing bits would give one value many spellings;
whoever remembers a ``jti`` or a hash by its spelling could then be shown the same value twice.
"""

from binascii import Error, a2b_base64, b2a_base64
from typing import Final

_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_FROM_STANDARD: Final = bytes.maketrans(b"+/", b"-_")


class NotBase64url(ValueError):
    """The text is not canonical base64url. The exception never holds the text itself."""

    def __init__(self) -> None:
        super().__init__("not canonical base64url")


def encode(data: bytes) -> str:
    """The canonical, unpadded base64url text of ``data``."""
    return b2a_base64(data, newline=False).translate(_FROM_STANDARD).rstrip(b"=").decode("ascii")


def decode(text: str | bytes) -> bytes:
    """The bytes that ``text`` spells canonically. Raises NotBase64url for every other spelling."""
    try:
        given = text.encode("ascii") if isinstance(text, str) else text
        data = a2b_base64(given.translate(_TO_STANDARD) + b"=" * (-len(given) % 4))
    except (UnicodeEncodeError, Error):
        raise NotBase64url from None
    # The standard library skips foreign characters and ignores trailing bits; spelling it again does not.
    if b2a_base64(data, newline=False).translate(_FROM_STANDARD).rstrip(b"=") != given:
        raise NotBase64url
    return data
