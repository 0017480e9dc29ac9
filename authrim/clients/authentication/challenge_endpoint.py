"""The challenge endpoint of draft-ietf-oauth-attestation-based-client-auth-10 §6.1: something fresh to sign."""

from aiohttp import web

from authrim.clients.authentication.attestation import challenges
from authrim.web.answers import json_answer
from authrim.web.call import call_of


async def challenge(request: web.Request) -> web.StreamResponse:
    """POST ``/challenge``. Asked without authentication, and nothing is kept of it."""
    call = call_of(request)
    return json_answer({"attestation_challenge": challenges(call.core, call.tenant).fresh})
