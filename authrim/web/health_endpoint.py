"""Liveness and readiness, for load balancers and supervisors."""

from aiohttp import web

from authrim.core.readiness import Readiness
from authrim.web.answers import json_answer
from authrim.web.call import core_of

READINESS = web.AppKey("readiness", Readiness)
"""Where an application keeps what it knows of its own health."""


async def live(_request: web.Request) -> web.StreamResponse:
    """GET ``/health/live``: the event loop runs."""
    return json_answer({"status": "live"})


async def ready(request: web.Request) -> web.StreamResponse:
    """GET ``/health/ready``: the log can be read, something can be recorded, and the clocks agree; and how far behind
    the followers are, wherever they run."""
    readiness, core = request.app[READINESS], core_of(request)
    why_not = await readiness.why_not(core)
    if why_not:
        return _unready(why_not)
    return json_answer({"status": "ready", "behind_seconds": dict(await readiness.lags(core))})


def _unready(why: str) -> web.Response:
    response = json_answer({"status": "unready", "why": why})
    response.set_status(503)
    return response
