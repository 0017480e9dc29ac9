"""base64url without padding, in its one canonical form (RFC 4648 §5 and §3.5, RFC 7515 §2).

Padding, whitespace, the ``+/`` alphabet and non-zero trailing bits would give one value many spellings;
whoever remembers a ``jti`` or a hash by its spelling could then be shown the same value twice.
"""

import base64
import binascii


class NotBase64url(ValueError):
    """The text is not canonical base64url. The exception never holds the text itself."""

    def __init__(self) -> None:
        super().__init__("not canonical base64url")


def encode(data: bytes) -> str:
    """The canonical, unpadded base64url text of ``data``."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str | bytes) -> bytes:
    """The bytes that ``text`` spells canonically. Raises NotBase64url for every other spelling."""
    try:
        given = text.encode("ascii") if isinstance(text, str) else text
        data = base64.urlsafe_b64decode(given + b"=" * (-len(given) % 4))
    except (UnicodeEncodeError, binascii.Error):
        raise NotBase64url from None
    # The standard library skips foreign characters and ignores trailing bits; spelling it again does not.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != given:
        raise NotBase64url
    return data
