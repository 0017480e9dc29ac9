"""The one reader of ``Cookie`` (RFC 6265 §4.2.1, §5.4), once per request.

aiohttp's own makes an object with a dozen attributes of each word, and takes thirty milliseconds for a header that the
limits let in (A217).
"""

from aiohttp import hdrs, web

from authrim.web.request_facts import facts_of


def cookies_of(request: web.Request) -> dict[str, str]:
    """The cookies by name; of two with one name the first, which has the longer path (RFC 6265 §5.4)."""
    facts = facts_of(request)
    if facts.cookie_values is None:
        found: dict[str, str] = {}
        for line in request.headers.getall(hdrs.COOKIE, ()):
            for pair in line.split(";"):
                name, equals, value = pair.strip(" \t").partition("=")
                if equals:
                    found.setdefault(name, value)
        facts.cookie_values = found
    return facts.cookie_values
