"""Refuses requests for other hosts, where TLS ends in this process (RFC 9110 §7.4, A215).

A proxy before us answers for the names that it sends on. On our own TLS a browser may come over a connection whose
certificate covers another name too, or with a ``Host`` that somebody else chose; neither is answered as if it were us.
"""

from typing import Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web

from authrim.settings import Settings
from authrim.settings.kinds import is_loopback

#: Prefix of the routes that monitors ask by IP address.
_ANY_NAME: Final = "health_"


class OwnNames(msgspec.Struct, frozen=True):
    """The host names of this server. ``loopback``: every name of this machine is one too, in development."""

    names: frozenset[str]
    loopback: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "OwnNames":
        """The hosts of the issuer and of the second port, and those of the settings."""
        urls = [settings.issuer, *([settings.mtls_url] if settings.mtls_url else [])]
        hosts = (host_of(urlsplit(url).netloc) for url in urls)
        return cls(frozenset((*hosts, *settings.tls_names)), settings.development)

    def have(self, host: str) -> bool:
        """Whether ``host`` is one of them."""
        return host in self.names or (self.loopback and is_loopback(host))


OWN_NAMES: Final = web.AppKey("own_names", OwnNames)


def refuse_other_names(request: web.Request) -> None:
    """Raise HTTPMisdirectedRequest for a request over our own TLS that names another host."""
    if not request.secure or OWN_NAMES not in request.app:
        return
    if not is_other_name(request.headers.get(hdrs.HOST), request.app[OWN_NAMES]):
        return
    if (request.match_info.route.name or "").startswith(_ANY_NAME):
        return
    raise web.HTTPMisdirectedRequest


def is_other_name(authority: str | None, own: OwnNames) -> bool:
    """Whether a ``Host`` names another host."""
    return authority is not None and not own.have(host_of(authority))


def host_of(authority: str) -> str:
    """The host of an authority without its port, in lower case; a trailing dot is ignored (RFC 1034 §3.1)."""
    if authority.startswith("["):
        return authority.partition("]")[0].lower() + "]"
    return authority.partition(":")[0].lower().removesuffix(".")
