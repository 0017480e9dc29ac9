"""How the names and addresses that a client registered are shown to people.

Whoever registers a client chooses its name and its links, so they are not trusted: a name can imitate another one with
invisible or direction-changing characters (RFC 9700 §4.11), and a link can be a script.
"""

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import urlsplit

from domain.client.redirect_uri import is_plain_http
from domain.vocabulary.text import normalized

MAX_NAME_LENGTH = 80

# Format characters (Cf) include bidi controls and zero-width characters; the others have no meaning in a name.
_STRIPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACE_CATEGORIES = frozenset({"Zs", "Zl", "Zp"})
# Letters and marks that are invisible: Hangul fillers, Braille blank, joiner, variation selectors.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_SPACE = re.compile(r"\s+")

_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
# Schemes that run or show the text of the address itself.
_NEVER_A_DESTINATION = frozenset({"javascript", "vbscript", "data", "blob", "file", "filesystem", "about"})


def display_name(name: str, longest: int = MAX_NAME_LENGTH) -> str:
    """The name as it can be shown safely: one line, NFC, no invisible characters, at most ``longest`` long (A038)."""
    # The rest would be cut off below anyway: a registered name has at most 200 characters.
    begun = name[: 4 * longest]
    visible = _INVISIBLE.sub("", _SPACE.sub(" ", "".join(_shown(character) for character in begun)))
    normal = normalized("NFC", visible, len(begun)).strip()
    return normal if len(normal) <= longest else normal[: longest - 1].rstrip() + "…"


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in _SPACE_CATEGORIES or character in "\t\n\r":
        return " "
    return "" if category in _STRIPPED_CATEGORIES else character


def initial(name: str) -> str:
    """The first letter or digit of a name, for a client without a logo."""
    return next((character.upper() for character in display_name(name) if character.isalnum()), "·")


def web_link(uri: str | None) -> str | None:
    """The address if it is a safe link (http or https, a plain host), else None."""
    parts = _split(uri or "")
    return uri if parts and parts.scheme in {"http", "https"} else None


def secure_link(uri: str | None, development: bool = False) -> str | None:
    """The address if a person may be led there by a button: https, or plain http to this machine in development."""
    parts = _split(uri or "")
    if parts is None:
        return None
    local = parts.scheme == "http" and uri is not None and not is_plain_http(uri)
    return uri if parts.scheme == "https" or (development and local) else None


def own_image(path: str | None) -> str | None:
    """The path if it is an image on our own origin, else None: nothing is ever loaded from a third party (A036)."""
    if path and path.startswith("/") and not path.startswith(("//", "/\\")):
        return path
    return None


def redirect_host(redirect_uri: str) -> str:
    """Where the response is sent, as text for people: ``app.example.com``, ``127.0.0.1:8080`` or ``com.example.app:``.

    User name, path and query are left out, because they can be used to imitate another host.
    """
    parts = _split(redirect_uri)
    if parts is None:
        return ""
    return parts.authority if parts.scheme in {"http", "https"} else f"{parts.scheme}:"


def form_action_source(redirect_uri: str) -> str:
    """The CSP source that allows a form's response to reach the redirect URI; "" when none is safe.

    It is an origin for http and https, and the scheme for the custom scheme of a native app (RFC 8252 §7.1). CSP has no
    syntax for IPv6 addresses, so the source for ``http://[::1]:8080`` (RFC 8252 §7.3) names only the port.
    """
    parts = _split(redirect_uri)
    if parts is None:
        return ""
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}:"
    if parts.authority.startswith("["):
        return f"{parts.scheme}://*{parts.authority.partition(']')[2]}"
    return f"{parts.scheme}://{parts.authority}"


def form_action_sources(redirect_uri: str) -> tuple[str, ...] | None:
    """The CSP sources for a form that leads to the redirect URI, by a redirect or by a post. None: any. Empty: the URI
    is not safe.

    From the callback of a web client, or of a tool on the machine of the person, the browser may be sent on: to another
    host, to an application without TLS in an intranet, to an app's own scheme. Chromium checks all of these against the
    policy of our page, and CSP has no source for any scheme (docs/designs/0020). The scheme of a native app ends in the
    app, so nothing else is allowed there.
    """
    source = form_action_source(redirect_uri)
    if source.startswith(("https:", "http:")):
        return None
    return (source,) if source else ()


class _Parts(NamedTuple):
    """The scheme and host[:port] of an address, in lower case."""

    scheme: str
    authority: str


def _split(uri: str) -> _Parts | None:
    """The scheme and authority of an absolute URI; None for anything that browsers may parse differently."""
    if not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        return None
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if not _SCHEME.fullmatch(scheme) or scheme in _NEVER_A_DESTINATION:
        return None
    if scheme not in {"http", "https"}:
        return _Parts(scheme, "")
    if ":" in host:
        host = f"[{host}]"
    elif not _HOST.fullmatch(host):
        return None
    return _Parts(scheme, host if port is None else f"{host}:{port}")
