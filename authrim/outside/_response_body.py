"""Reads the body of a response, of a bounded size."""

import aiohttp
from aiohttp import hdrs

from authrim.outside.names import NotPermitted


async def read_body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Read the body and count its bytes. A compressed body is refused, because its real size is not announced."""
    if answer.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise NotPermitted("compressed")
    if (answer.content_length or 0) > most:
        raise NotPermitted("too_large")
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > most:
            raise NotPermitted("too_large")
    return bytes(body)
