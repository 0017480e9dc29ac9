"""The one reader of ``Cookie`` (RFC 6265 §4.2.1, §5.4), once per request.

aiohttp's own makes an object with a dozen attributes of each word, and takes thirty milliseconds for a header that the
limits let in (A217).
"""

from typing import Final

from aiohttp import hdrs, web

_COOKIES: Final = web.RequestKey("cookies", dict[str, str])


def cookies_of(request: web.Request) -> dict[str, str]:
    """The cookies by name; of two with one name the first, which has the longer path (RFC 6265 §5.4)."""
    if _COOKIES not in request:
        found: dict[str, str] = {}
        for line in request.headers.getall(hdrs.COOKIE, ()):
            for pair in line.split(";"):
                name, equals, value = pair.strip(" \t").partition("=")
                if equals:
                    found.setdefault(name, value)
        request[_COOKIES] = found
    return request[_COOKIES]
