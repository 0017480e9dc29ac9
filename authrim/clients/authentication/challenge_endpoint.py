"""The challenge endpoint of draft-ietf-oauth-attestation-based-client-auth-10 §6.1, which returns a fresh challenge."""

from aiohttp import web

from authrim.clients.authentication.attestation import challenges
from authrim.web.answers import json_answer
from authrim.web.call import call_of


async def challenge(request: web.Request) -> web.StreamResponse:
    """POST ``/challenge``. It needs no authentication, and stores nothing."""
    call = call_of(request)
    return json_answer({"attestation_challenge": challenges(call.core, call.tenant).fresh})
