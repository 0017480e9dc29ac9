"""What may be shown to a person of the text and the addresses a client registered.

Whoever registers a client chooses its name and its links, so they are hostile until proven otherwise: a name
can imitate another by invisible or direction-changing characters (RFC 9700 §4.11), a link can be a script.
"""

import re
import unicodedata
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from domain.vocabulary.text import normalized

MAX_NAME_LENGTH = 80

# Format characters (Cf) hold the bidi controls and zero-width characters; the rest has no meaning in a name.
_STRIPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACE_CATEGORIES = frozenset({"Zs", "Zl", "Zp"})
# Letters and marks that draw nothing: Hangul fillers, Braille blank, joiner, variation selectors.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_SPACE = re.compile(r"\s+")

_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
# Schemes that run or show what stands in the address itself instead of going somewhere.
_NEVER_A_DESTINATION = frozenset({"javascript", "vbscript", "data", "blob", "file", "filesystem", "about"})


def display_name(name: str) -> str:
    """The name as it is safe to show: one line, NFC, nothing invisible, at most 80 characters (A038)."""
    # What is beyond is cut off below: a name that is registered has 200 characters at most.
    begun = name[: 4 * MAX_NAME_LENGTH]
    visible = _INVISIBLE.sub("", _SPACE.sub(" ", "".join(_shown(character) for character in begun)))
    normal = normalized("NFC", visible, len(begun)).strip()
    return normal if len(normal) <= MAX_NAME_LENGTH else normal[: MAX_NAME_LENGTH - 1].rstrip() + "…"


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in _SPACE_CATEGORIES or character in "\t\n\r":
        return " "
    return "" if category in _STRIPPED_CATEGORIES else character


def initial(name: str) -> str:
    """The first letter or digit of a name, for a client without a logo."""
    return next((character.upper() for character in display_name(name) if character.isalnum()), "·")


def web_link(uri: str | None) -> str | None:
    """The address when a person may follow it (http or https, a plain host), else None."""
    parts = _split(uri or "")
    return uri if parts and parts.scheme in {"http", "https"} else None


def own_image(path: str | None) -> str | None:
    """The path of an image on our own origin, else None: nothing is ever loaded from a third party (A036)."""
    if path and path.startswith("/") and not path.startswith(("//", "/\\")):
        return path
    return None


def redirect_host(redirect_uri: str) -> str:
    """Where the answer goes, for a person: ``app.example.com``, ``127.0.0.1:8080`` or ``com.example.app:``.

    User name, path and query are left out: they are what an imitation hides behind.
    """
    parts = _split(redirect_uri)
    if parts is None:
        return ""
    return parts.authority if parts.scheme in {"http", "https"} else f"{parts.scheme}:"


#: Where the clients of a development server are.
_THIS_MACHINE: Final = ("http://localhost:*", "http://127.0.0.1:*")


def form_action_source(redirect_uri: str) -> str:
    """The CSP source that lets a form's answer reach the redirect URI, "" when none is safe.

    An origin for http and https, the scheme for a native app's own scheme (RFC 8252 §7.1). CSP has no
    syntax for an IPv6 address, so ``http://[::1]:8080`` (RFC 8252 §7.3) can only be named by its port.
    """
    parts = _split(redirect_uri)
    if parts is None:
        return ""
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}:"
    if parts.authority.startswith("["):
        return f"{parts.scheme}://*{parts.authority.partition(']')[2]}"
    return f"{parts.scheme}://{parts.authority}"


def form_action_sources(redirect_uri: str, development: bool = False) -> tuple[str, ...]:
    """The CSP sources for a form that leads to the redirect URI, by a redirect or by posting there; none when it is not
    safe. From there a web client may send the browser on to another https origin, and Chromium holds that against the
    form's page too (docs/designs/0008). ``development``: or to another port of this machine."""
    source = form_action_source(redirect_uri)
    if not source.startswith(("https:", "http:")):
        return (source,) if source else ()
    return (source, "https:", *(_THIS_MACHINE if development else ()))


class _Parts(NamedTuple):
    """Scheme and host[:port] of an address, lower case, of harmless characters only."""

    scheme: str
    authority: str


def _split(uri: str) -> _Parts | None:
    """Scheme and authority of an absolute URI, None for anything a browser could read in another way."""
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
