"""What a server publishes of its log: off unless switched on, hashes only (C2SP tlog-tiles)."""

from authrim.crypto.signed_note import read_note
from authrim.store.read_back import ReadBack
from authrim.transparency.background import checkpoints_of
from domain.tree.checkpoint import read_checkpoint
from domain.tree.proofs import Range, root_of, tiles_of
from domain.tree.tiles import Coordinates, TilePath, path_of, width_at
from tests.store.log_samples import write_grant
from tests.support.running import RunningServer, running_server


async def test_off_unless_switched_on(server: RunningServer) -> None:
    """A273: a server publishes nothing of its log by default."""
    for path in ("/transparency/checkpoint", "/transparency/tile/0/000.p/1"):
        async with server.http.get(server.url(path)) as response:
            assert response.status == 404


async def test_checkpoint_and_tiles(store: ReadBack) -> None:
    """A273: everybody can compute the root of the newest checkpoint from the tiles, and gets no hash beyond it."""
    async with running_server(store, publish_log_tree=True) as server:
        async with server.http.get(server.url("/transparency/checkpoint")) as response:
            assert response.status == 404
            assert (await response.json())["error_description"].startswith("No checkpoint")
        for number in range(40):
            await write_grant(store, f"of-many-{number}")
        await checkpoints_of(server.core).sign()
        async with server.http.get(server.url("/transparency/checkpoint")) as response:
            assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert response.headers["Cache-Control"] == "public, max-age=2"
            checkpoint = read_checkpoint(read_note(await response.text()).text)
        assert checkpoint is not None
        assert checkpoint.size > 256
        tiles = {}
        whole = Range(0, checkpoint.size)
        for tile in tiles_of([whole]):
            width = width_at(tile, checkpoint.size)
            path = path_of(TilePath(tile.level, tile.number, width))
            async with server.http.get(server.url(f"/transparency/tile/{path}")) as response:
                assert response.status == 200, path
                assert response.headers["Content-Type"] == "application/octet-stream"
                assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
                tiles[tile] = await response.read()
                assert len(tiles[tile]) == width * 32
        assert root_of(whole, tiles) == checkpoint.root
        async with server.http.get(server.url("/transparency/tile/0/001.p/3")) as response:
            assert await response.read() == tiles[Coordinates(0, 1)][:96]
        for absent in ("0/001", "0/002.p/1", "entries/000", "entries/001.p/3", "0/1", "9/000", "0/000.p/256"):
            async with server.http.get(server.url(f"/transparency/tile/{absent}")) as response:
                assert response.status == 404, absent


async def test_a_quorum_is_waited_for(store: ReadBack) -> None:
    """A checkpoint that too few witnesses cosigned is not published, nor tiles that only it covers (A229)."""
    nobody = (
        "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 https://witness.example",
    )
    async with running_server(store, publish_log_tree=True, witnesses=nobody, witness_quorum=1) as server:
        newest = await checkpoints_of(server.core).sign()
        assert newest is not None
        assert newest.cosignatures == 0
        for path in ("/transparency/checkpoint", "/transparency/tile/0/000.p/1"):
            async with server.http.get(server.url(path)) as response:
                assert response.status == 404
