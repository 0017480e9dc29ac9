"""A bundle of a grant to take away: its events with their proofs, in a file that is verified without this server."""

from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import Final

from aiohttp import hdrs, web

from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.export import Wanted, export_grant
from authrim.audit.bundle.selection import Selection, select_grant
from authrim.auditor._page import ENDPOINT, AuditorPage, Visit
from authrim.auditor.history_endpoint import NOTHING
from authrim.core.questions import refuse_reason
from authrim.pages.headers import picture_headers
from authrim.transparency.keys import log_name
from authrim.web.answers import refuse_on_page
from domain.errors import Refusal, invalid_request

#: Events of one bundle.
MOST_EVENTS: Final = 2000
#: Bytes of a bundle that are kept in memory; more are in a file without a name.
_IN_MEMORY: Final = 4 << 20
_PIECE: Final = 64 << 10

TOO_MUCH: Final = invalid_request(
    "This is too much for a page.", hint="Use authrim audit export --grant on the command line."
)


def told_of(damaged: Damaged) -> Refusal:
    """What an auditor is told when there is no answer."""
    return invalid_request(f"{damaged.in_words} Nothing was exported.", hint=damaged.hint)


async def _take(visit: Visit) -> web.StreamResponse:
    made = await _bundle(visit)
    if isinstance(made, Refusal):
        return await refuse_on_page(visit.request, visit.call, ENDPOINT, made)
    file, grant_id = made
    headers = picture_headers() | {
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="grant-{grant_id}.tar"',
        hdrs.CONTENT_TYPE: "application/x-tar",
    }
    return web.Response(body=_pieces(file), headers=headers)


async def _bundle(visit: Visit) -> tuple[SpooledTemporaryFile[bytes], str] | Refusal:
    """The whole bundle, after its export was recorded: what is damaged is found before a byte is sent."""
    grant_id = visit.asked.get("grant", "")
    refusal = refuse_reason(visit.reason, demanded=False)
    if refusal is not None:
        return refusal

    async def look() -> Selection | None:
        head = (await visit.log.head()).position
        return await select_grant(visit.log, visit.call.tenant, grant_id, None, head)

    try:
        selection = await visit.log.found(look) if grant_id else None
        if selection is None:
            return NOTHING
        if len(selection.events) > MOST_EVENTS:
            return TOO_MUCH
        conditions = {"to": str(selection.last), "personal": "no", "grant": grant_id}
        refusal = await visit.copying_asker.record("export", visit.reason, conditions)
        if refusal is not None:
            return refusal
        return await _written(visit, selection), grant_id
    except Damaged as damaged:
        return told_of(damaged)


async def _written(visit: Visit, selection: Selection) -> SpooledTemporaryFile[bytes]:
    core = visit.call.core
    file = SpooledTemporaryFile[bytes](_IN_MEMORY)
    await export_grant(visit.log, file, selection, Wanted(log_name(core.settings)))  # type: ignore[arg-type]
    file.seek(0)
    return file


async def _pieces(file: SpooledTemporaryFile[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


_BUNDLE: Final = AuditorPage(takes=_take)


async def take_bundle(request: web.Request) -> web.StreamResponse:
    """POST ``/audit/bundle``: the bundle of a grant, without personal data."""
    return await _BUNDLE.take(request)
