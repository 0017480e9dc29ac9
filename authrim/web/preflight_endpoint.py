"""CORS preflights (Fetch §3.2.2). They name no client, so any origin may ask; the answer to the request itself is
readable only for the origins of the client that made it."""

from aiohttp import hdrs, web

from authrim.web.cors import cors_headers


async def preflight(request: web.Request) -> web.StreamResponse:
    """OPTIONS of an endpoint that scripts may call."""
    origin = request.headers.get(hdrs.ORIGIN)
    return web.Response(status=204, headers=cors_headers(origin, {origin or ""}, preflight=True))
