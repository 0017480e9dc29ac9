"""What everybody may fetch of the log: the newest checkpoint, and the tiles of its tree (C2SP tlog-tiles).

Hashes only. The entries are not served, so ``tile/entries/…`` is not there.
"""

from typing import Final

from aiohttp import hdrs, web

from authrim.crypto.ids import new_id
from authrim.store.contract import StoreError
from authrim.web.call import core_of
from authrim.web.errors import json_refusal
from domain.errors import Refusal
from domain.tree.hashing import HASH_BYTES
from domain.tree.tiles import read_path, width_at

NO_CHECKPOINT: Final = Refusal(
    "invalid_request", "No checkpoint has been signed yet.", hint="Try again later.", status=404
)
NO_TILE: Final = Refusal(
    "invalid_request", "There is no such tile in the newest checkpoint's tree.", status=404
)

#: It is another one soon.
_CHECKPOINT_HEADERS: Final = {hdrs.CACHE_CONTROL: "public, max-age=2"}
#: A tile of these coordinates and this width never changes.
_TILE_HEADERS: Final = {hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable"}


async def checkpoint(request: web.Request) -> web.StreamResponse:
    """GET ``/transparency/checkpoint``."""
    core = core_of(request)
    newest = await core.store.tree.last_checkpoint(core.settings.witness_quorum)
    if newest is None:
        return json_refusal(NO_CHECKPOINT, error_id=new_id())
    return web.Response(
        text=newest.note, content_type="text/plain", charset="utf-8", headers=_CHECKPOINT_HEADERS
    )


async def tile(request: web.Request) -> web.StreamResponse:
    """GET ``/transparency/tile/{path}``: tiles of the published checkpoint's tree, and of earlier ones."""
    core = core_of(request)
    wanted = read_path(request.match_info["path"])
    newest = await core.store.tree.last_checkpoint(core.settings.witness_quorum)
    if wanted is None or newest is None or wanted.width > width_at(wanted.coordinates, newest.size):
        return json_refusal(NO_TILE, error_id=new_id())
    found = await core.store.tree.tiles([wanted.coordinates])
    hashes = found.get(wanted.coordinates, b"")[: wanted.width * HASH_BYTES]
    if len(hashes) < wanted.width * HASH_BYTES:
        raise StoreError("a tile of the published tree is missing")
    return web.Response(body=hashes, content_type="application/octet-stream", headers=_TILE_HEADERS)
