"""The tree over the log: followed, verified and rebuilt, and never grown on another log (F18, F34)."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from authrim.audit.rebuild import Difference, rebuild, verify
from authrim.audit.tree import TreeFollower
from authrim.store.read_back import ReadBack
from authrim.store.tree_sql import LogDiffers
from domain.tree.hashing import event_hash
from domain.tree.proofs import Range, root_of, tiles_of
from domain.tree.tiles import Coordinates, tiles_at
from tests.store.log_samples import behind_its_back, write_grant, write_history
from tests.support.patience import PATIENCE


async def root(store: ReadBack, size: int) -> bytes:
    whole = Range(0, size)
    return root_of(whole, await store.tree.tiles(tiles_of([whole])))


async def leaves(store: ReadBack) -> list[bytes]:
    return [event_hash(event.leaf, event.recorded_at) for event in await store.read_log(0, 10_000)]


async def many_grants(store: ReadBack, count: int) -> None:
    await asyncio.gather(*(write_grant(store, f"of-many-{number}") for number in range(count)))


async def test_every_event_is_a_leaf(store: ReadBack) -> None:
    """In pages of any size, the event of position p becomes leaf p - 1, those of other applications too."""
    await write_history(store)
    await many_grants(store, 40)
    head = await TreeFollower(store, page=7).catch_up()
    assert head == (await store.head()).position == await store.tree.size()
    expected = await leaves(store)
    assert len(expected) == head > 256
    tiles = await store.tree.tiles([tile.coordinates for tile in tiles_at(head)])
    assert tiles[Coordinates(0, 0)] == b"".join(expected[:256])
    assert tiles[Coordinates(0, 1)] == b"".join(expected[256:])
    assert tiles[Coordinates(1, 0)] == await root(store, 256)
    assert (await verify(store)).fits
    first = await store.tree.leaf(1)
    assert first is not None
    assert first.hash == expected[0]
    assert await store.tree.leaf(head + 1) is None


async def test_follows_what_is_appended(store: ReadBack) -> None:
    """A running follower adds the leaf of a new event soon after the append."""
    following = asyncio.create_task(TreeFollower(store).follow())
    try:
        await asyncio.sleep(0.1)
        await write_grant(store, "late")
        head = (await store.head()).position
        async with asyncio.timeout(PATIENCE):
            while await store.tree.size() < head:  # noqa: ASYNC110 - a follower of another process tells nobody
                await asyncio.sleep(0.05)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def test_altered_tile_is_named_and_mended(store: ReadBack, store_place: Path | str) -> None:
    """A228: a tile that was changed or taken away is named by its path, and a rebuild mends it."""
    await many_grants(store, 40)
    head = await TreeFollower(store).catch_up()
    before = await root(store, head)
    behind_its_back(store_place, "DELETE FROM tiles WHERE key = '1/000'")
    behind_its_back(store_place, "UPDATE tiles SET hashes = substr(hashes, 33) WHERE key = '0/001'")
    found = await verify(store)
    assert found.differences == (
        Difference("tiles", "0/001", "differs", ("hashes",)),
        Difference("tiles", "1/000", "missing"),
    )
    assert (await rebuild(store)).repaired
    assert (await verify(store)).fits
    assert await root(store, head) == before


async def test_verification_waits_for_no_follower(store: ReadBack) -> None:
    """Events that the follower has not come to yet are no difference, and it goes on after a rebuild."""
    await many_grants(store, 4)
    await store.tree.grow(5)
    assert (await verify(store)).fits
    assert (await rebuild(store)).repaired
    assert await store.tree.size() == 5
    await TreeFollower(store).catch_up()
    assert (await verify(store)).fits


def without_protection(place: Path | str, *statements: str) -> None:
    """Statements of somebody with the owner's rights, who takes the protection of the log away first."""
    if isinstance(place, Path):
        triggers = behind_its_back(place, "SELECT name FROM sqlite_master WHERE type = 'trigger'")
        removals = [f"DROP TRIGGER {name}" for (name,) in triggers]
    else:
        removals = ["ALTER TABLE events DISABLE TRIGGER USER", "ALTER TABLE ledger DISABLE TRIGGER USER"]
    for statement in (*removals, *statements):
        behind_its_back(place, statement)


async def test_a_shorter_log_is_refused(store: ReadBack, store_place: Path | str) -> None:
    """F34: a tree does not grow on a log whose end was cut off, and says where."""
    await many_grants(store, 4)
    await TreeFollower(store).catch_up()
    without_protection(store_place, "DELETE FROM events WHERE position > 20", "UPDATE head SET position = 20")
    with pytest.raises(LogDiffers, match="position 32"):
        await TreeFollower(store).catch_up()


async def test_missing_rows_are_not_waited_for(store: ReadBack, store_place: Path | str) -> None:
    """F34: when rows are missing before the head that the tree has not come to yet, catching up says where, and does
    not wait for them."""
    await many_grants(store, 4)
    await store.tree.grow(20)
    without_protection(store_place, "DELETE FROM events WHERE position > 20")
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LogDiffers, match="position 21"):
            await TreeFollower(store).catch_up()


async def test_a_log_written_anew_is_refused(store: ReadBack, store_place: Path | str) -> None:
    """F34: after its end was cut off and written again, the log is no continuation, and the tree is made again."""
    await many_grants(store, 4)
    await TreeFollower(store).catch_up()
    without_protection(store_place, "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 32")
    await write_grant(store, "behind")
    with pytest.raises(LogDiffers, match="position 32"):
        await store.tree.grow(100)
    following = asyncio.create_task(TreeFollower(store).follow())
    with capture_logs() as lines:
        async with asyncio.timeout(PATIENCE):
            while not told(lines, 32):  # noqa: ASYNC110 - a log line wakes nobody
                await asyncio.sleep(0.05)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    await store.tree.clear()
    assert await TreeFollower(store).catch_up() == (await store.head()).position
    assert (await verify(store)).fits


def told(lines: Sequence[Mapping[str, object]], position: int) -> bool:
    return any(line["event"] == "tree.log_differs" and line["position"] == position for line in lines)


async def test_two_followers(store: ReadBack, store_place: Path | str) -> None:
    """F18: followers at the same time add each leaf once."""
    await many_grants(store, 12)
    await asyncio.gather(*(TreeFollower(store, page=5).catch_up() for _ in range(3)))
    assert (await verify(store)).fits


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_tiles_that_cannot_be_cleared(store: ReadBack, store_place: Path) -> None:
    """A clearing that SQLite refuses leaves no transaction behind in which every later append would fail."""
    await many_grants(store, 1)
    await TreeFollower(store).catch_up()
    behind_its_back(
        store_place,
        "CREATE TRIGGER no_clearing BEFORE DELETE ON tiles BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    with pytest.raises(sqlite3.IntegrityError):
        await store.tree.clear()
    await write_grant(store, "afterwards")
