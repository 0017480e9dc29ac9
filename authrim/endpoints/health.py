"""Is the process alive, and can it do its work? For load balancers and supervisors."""

from aiohttp import web

from authrim.execute import MICROSECONDS
from authrim.runtime import RUNTIME
from authrim.store.contract import StoreError
from authrim.web.answers import json_answer

#: A clock that is further from the database's than this makes the node unready (decisions.md 7).
MOST_SKEW_SECONDS = 5


async def live(_request: web.Request) -> web.StreamResponse:
    """GET ``/health/live``: the event loop turns."""
    return json_answer({"status": "live"})


async def ready(request: web.Request) -> web.StreamResponse:
    """GET ``/health/ready``: the log can be read, and the clocks agree."""
    runtime = request.app[RUNTIME]
    try:
        head = await runtime.store.head()
    except StoreError:
        return _unready("store_unavailable")
    if abs(head.now // MICROSECONDS - runtime.now()) > MOST_SKEW_SECONDS:
        return _unready("clock_skew")
    return json_answer({"status": "ready"})


def _unready(why: str) -> web.Response:
    response = json_answer({"status": "unready", "why": why})
    response.set_status(503)
    return response
