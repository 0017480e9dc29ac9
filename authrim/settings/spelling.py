"""How a browser spells an address (WHATWG URL, RFC 6454 §6.2).

An issuer is compared with what browsers send as ``Origin`` and what clients read back, so it is taken in that one
spelling alone: another would start, and then refuse every person.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from yarl import URL

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_PATH: Final = re.compile(r"(/[A-Za-z0-9\-._~!$&'()*+,;=:@]+)*")


def browser_spelling(url: str) -> str:
    """The address as browsers write it; it has neither query nor user. Raises ValueError, with what to do."""
    parts = urlsplit(url.strip())
    try:
        host, port = _host(parts.hostname or ""), parts.port
    except ValueError:
        raise ValueError("must name a host, and a port as a number up to 65535") from None
    if not _PATH.fullmatch(parts.path) or {".", ".."} & set(parts.path.split("/")):
        raise ValueError("must have a path of plain segments, without escapes, // or dots alone: rename it")
    shown = "" if port is None or port == DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{shown}{parts.path}"


def _host(host: str) -> str:
    """A name in ASCII (RFC 5891 §4.4) and lower case, or an address in its one form."""
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host)}]"
    spelled = host if host.isascii() else (URL(f"https://{host}").raw_host or "")
    if spelled.rstrip(".").rpartition(".")[2].isdigit():
        return str(ipaddress.IPv4Address(spelled))
    if not _HOST.fullmatch(spelled):
        raise ValueError
    return spelled
