"""RFC 9449 §4.3: whether a URL is one of ours.

URLs are compared after the syntax- and scheme-based normalisation of RFC 3986 §6.2.2 and §6.2.3, with the configured
URLs and never with a Host header (A102).
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

MAX_LENGTH: Final = 2048

_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_ESCAPE: Final = re.compile("%([0-9A-Fa-f]{2})")
#: RFC 3986 §2: nothing else may stand in a URI.
_NOT_IN_A_URI: Final = re.compile(r"[^A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]|%(?![0-9A-Fa-f]{2})")


def is_one_of(url: str, ours: Collection[str]) -> bool:
    """Whether ``url``, without its query and fragment, is one of ``ours``, which have neither."""
    if url in ours:
        return True
    normal = _normal(url)
    return normal is not None and any(normal == _normal_of_ours(one) for one in ours)


@lru_cache(maxsize=256)
def _normal_of_ours(url: str) -> str | None:
    return _normal(url)


def _normal(url: str) -> str | None:
    """The normalised URL; None when it is not an http URL, or contains a user name."""
    if len(url) > MAX_LENGTH or _NOT_IN_A_URI.search(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    at_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{_unescaped(host)}{at_port}{_without_dots(_unescaped(parts.path)) or '/'}"


def _unescaped(text: str) -> str:
    """Escapes of unreserved characters as the characters, the others with capital digits (RFC 3986 §6.2.2)."""

    def spelled(match: re.Match[str]) -> str:
        octet = int(match[1], 16)
        return chr(octet) if octet in _UNRESERVED else match[0].upper()

    return _ESCAPE.sub(spelled, text) if "%" in text else text


def _without_dots(path: str) -> str:
    """RFC 3986 §5.2.4 for an absolute path."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)
