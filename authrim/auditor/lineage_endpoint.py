"""The graph of a grant: what caused what, as a picture of its own."""

import asyncio
from typing import Final

from aiohttp import web

from authrim.audit.lineage.drawing import draw
from authrim.audit.lineage.story import Start
from authrim.auditor._page import ENDPOINT, AuditorPage, Visit
from authrim.auditor.asking_lineage import ask_story
from authrim.auditor.history_endpoint import NOTHING
from authrim.pages.headers import picture_headers
from authrim.web.answers import refuse_on_page
from domain.errors import Refusal
from domain.stream import GRANT, grant_stream


async def _take(visit: Visit) -> web.StreamResponse:
    grant_id = visit.asked.get("grant", "")
    stream = grant_stream(visit.call.tenant, grant_id)
    known = await visit.log.found(lambda: visit.log.read_whole_stream(stream)) if grant_id else ()
    start = Start((stream,)) if known else None
    story = await ask_story(visit.copying_asker, start, (GRANT, grant_id), visit.reason) or NOTHING
    if isinstance(story, Refusal):
        return await refuse_on_page(visit.request, visit.call, ENDPOINT, story)
    return web.Response(
        text=await asyncio.to_thread(draw, story, f"Lineage of grant {grant_id}{_up_to(visit)}"),
        content_type="image/svg+xml",
        charset="utf-8",
        headers=picture_headers(),
    )


def _up_to(visit: Visit) -> str:
    """What a picture says of the replica that it was read from."""
    reached = visit.log.reached
    return "" if reached is None else f", up to position {reached.position}"


_LINEAGE: Final = AuditorPage(takes=_take)


async def draw_lineage(request: web.Request) -> web.StreamResponse:
    """POST ``/audit/lineage``: the picture, after the question was recorded."""
    return await _LINEAGE.take(request)
