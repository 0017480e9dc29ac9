"""What reading promises, on both engines: own writes are seen, look-ups share queries, followers are woken."""

import asyncio

import pytest

from authrim.store.contract import Append, NewEvent, Store, StreamAppend
from projections.rows import Row
from tests.store.store_samples import METADATA, grant_append, new_event
from tests.support.patience import LATER, PATIENCE

SUMMARY = "grant.summarized.v1"


async def test_a_new_stream_is_empty(store: Store) -> None:
    """A stream that is not there reads as version 0 with the store's clock."""
    read = await store.read_stream("default:grant:none")
    assert (read.version, read.payloads) == (0, ())
    assert abs(read.now - (await store.head()).now) < 5_000_000


async def test_a_stream_is_read_from_its_last_summary(store: Store) -> None:
    """What stands before the newest summary is not read again, and stays in the log for an auditor."""
    kinds = ["grant.a.v1", SUMMARY, "grant.b.v1", SUMMARY, "grant.c.v1"]
    events = tuple(NewEvent(kind, b"%d" % number) for number, kind in enumerate(kinds))
    await store.append(Append((StreamAppend("default:grant:g", 0, events),), METADATA))
    read = await store.read_stream("default:grant:g")
    assert read.version == 5
    assert read.payloads == ((SUMMARY, b"3"), ("grant.c.v1", b"4"))
    assert [event.type for event in await store.read_whole_stream("default:grant:g")] == kinds
    assert [event.type for event in await store.read_stream_end("default:grant:g", 2)] == kinds[-2:]
    assert [event.type for event in await store.read_stream_end("default:grant:g", 100)] == kinds


async def test_group_reads_answer_each_its_own(store: Store) -> None:
    """Hundreds of parallel reads of streams and rows, many of them equal, give each caller its own answer."""

    def row(name: str) -> Row:
        return Row(
            "sealed", "put", {"key": f"default:{name}", "tenant": "default", "ciphertext": name.encode()}
        )

    names = [f"g{n}" for n in range(40)]
    await asyncio.gather(
        *(
            store.append(grant_append(name, events=n % 5 + 1, rows=(row(name),)))
            for n, name in enumerate(names)
        )
    )
    asked = names * 10 + ["missing"]
    reads = await asyncio.gather(*(store.read_stream(f"default:grant:{name}") for name in asked))
    assert [read.version for read in reads] == [n % 5 + 1 for n in range(40)] * 10 + [0]
    found = await asyncio.gather(*(store.find("sealed", f"default:{name}") for name in asked))
    assert [one.row and one.row["ciphertext"] for one in found] == [name.encode() for name in names * 10] + [
        None
    ]
    assert all(one.now > 0 for one in found)


async def test_own_writes_are_read(store: Store) -> None:
    """A read that begins after an append has returned sees it, also while older reads are in flight."""

    async def write_and_read(name: str) -> int:
        for version in range(10):
            await store.append(grant_append(name, version))
            assert (await store.read_stream(f"default:grant:{name}")).version == version + 1
        return 10

    assert await asyncio.gather(*(write_and_read(f"g{n}") for n in range(20))) == [10] * 20


async def test_a_cancelled_reader_disturbs_nobody(store: Store) -> None:
    """Callers that go away while their read is on its way leave the others their answers."""
    await store.append(grant_append("g"))
    tasks = [asyncio.create_task(store.read_stream("default:grant:g")) for _ in range(40)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [True, False] * 20
    assert all(result.version == 1 for result in results[1::2])  # type: ignore[union-attr]


async def test_the_log_is_read_in_pages(store: Store) -> None:
    """Pages of the log and of the ledger follow each other without a gap."""
    for number in range(7):
        await store.append(grant_append(f"g{number}", events=2))
    positions: list[int] = []
    while page := await store.read_log(positions[-1] if positions else 0, 3):
        positions += [event.position for event in page]
    assert positions == list(range(1, 15))
    assert [batch.first_position for batch in await store.read_ledger(3, 2)] == [5, 7]


async def test_configuration_events_alone(store: Store) -> None:
    """Changes of clients and keys can be followed without reading the rest of the log."""
    streams = ("default:client:c", "default:grant:client", "other:key:k", "default:account:a")
    for stream in streams:
        await store.append(Append((StreamAppend(stream, 0, (new_event(),)),), METADATA))
    assert [event.stream for event in await store.read_log(0, 10, configuration_only=True)] == [
        streams[0],
        streams[2],
    ]
    assert [event.stream for event in await store.read_log(1, 10, configuration_only=True)] == [streams[2]]


async def test_rows_are_listed_in_the_order_of_bytes(store: Store) -> None:
    """Rows come by key, compared as bytes on both engines, a page at a time."""
    keys = ["default:B", "default:a", "default:a:b", "default:aB", "default:é"]
    for number, key in enumerate(reversed(keys)):
        row = Row("sealed", "put", {"key": key, "tenant": "default", "ciphertext": b"x"})
        await store.append(grant_append(f"g{number}", rows=(row,)))
    assert [row["key"] for row in await store.read_rows("sealed", "", 3)] == keys[:3]
    assert [row["key"] for row in await store.read_rows("sealed", keys[2], 3)] == keys[3:]


async def test_followers_are_woken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """``changes`` gives the position after what was appended, long before its poll would (F37)."""
    monkeypatch.setattr("authrim.store.postgres._changes.POLL", LATER)
    monkeypatch.setattr("authrim.store.sqlite._changes.POLL", LATER)
    changes = store.changes()
    assert await anext(changes) == 0
    following = asyncio.create_task(anext(changes))  # type: ignore[arg-type]
    await asyncio.sleep(0.3)
    await store.append(grant_append("g", events=3))
    assert await asyncio.wait_for(following, PATIENCE) == 3


@pytest.mark.parametrize("lookup", ["token", "session", "account", "client", "login", "sealed"])
async def test_every_look_up_runs(store: Store, lookup: str) -> None:
    """Each named look-up of ``projections/lookups.py`` finds nothing in an empty store, and says when."""
    found = await store.find(lookup, "default:none")
    assert found.row is None
    assert found.now > 0


async def test_a_key_that_no_row_can_have(store: Store) -> None:
    """NUL and lone surrogates find nothing, count and reserve as any key, and fail nobody who travels along."""
    await store.append(grant_append("g"))
    for bad in ("default:grant:\0", "default:grant:\ud800"):
        bad_read, good_read, found, reserved, total = await asyncio.gather(
            store.read_stream(bad),
            store.read_stream("default:grant:g"),
            store.find("sealed", bad),
            store.reserve(bad, 4_000_000_000),
            store.count(bad, 60),
        )
        assert (bad_read.version, good_read.version, found.row, reserved, total) == (0, 1, None, True, 1)
        assert await store.count(bad, 60, 0) == 1
        assert not await store.reserve(bad, 4_000_000_000)
