"""What everybody else finds at the address of an auditor's page, and auditors with a method that it has not (A286)."""

from aiohttp import web


async def nothing_here(_request: web.Request) -> web.StreamResponse:
    """As at an address where nothing is."""
    raise web.HTTPNotFound
