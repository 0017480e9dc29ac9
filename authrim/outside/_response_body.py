"""Reads the body of a response, of a bounded size."""

from typing import TYPE_CHECKING

from authrim.outside.addresses import NotPermitted

if TYPE_CHECKING:
    import aiohttp


async def read_body(answer: "aiohttp.ClientResponse", most: int) -> bytes:
    """Read the body and count its bytes. A compressed body is refused, because its real size is not announced."""
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise NotPermitted("compressed")
    if (answer.content_length or 0) > most:
        raise NotPermitted("too_large")
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > most:
            raise NotPermitted("too_large")
    return bytes(body)
