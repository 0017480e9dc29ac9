"""What ``append`` promises, on both engines: all or nothing, in one order, with its rows, and never twice."""

import asyncio

import pytest

from authrim.store.chain import verify
from authrim.store.contract import Append, AppendResult, Conflict, Store, StreamAppend
from projections.rows import Row
from tests.store.store_samples import METADATA, grant_append, new_event

CLIENT = "default:client:c1"


def token_row(grant: str, token: str = "t1") -> Row:
    return Row(
        "tokens",
        "put",
        {
            "key": f"default:{grant}:{token}",
            "tenant": "default",
            "grant_id": grant,
            "client_id": "c1",
            "subject": None,
            "session_id": None,
            "document": f'{{"token_id":"{token}"}}',
            "expires_at": 1_900_000_000,
            "revoked_at": None,
            "sent_hash": None,
        },
    )


def login_row(login: str, subject: str = "s1", operation: str = "claim") -> Row:
    return Row("logins", operation, {"key": f"default:{login}", "tenant": "default", "subject": subject})  # type: ignore[arg-type]


def sealed_row(name: str, ciphertext: bytes) -> Row:
    return Row("sealed", "put", {"key": f"default:{name}", "tenant": "default", "ciphertext": ciphertext})


async def outcomes(store: Store, appends: list[Append]) -> list[AppendResult | BaseException]:
    """Append all at once; what became of each."""
    return await asyncio.gather(*(store.append(append) for append in appends), return_exceptions=True)


async def test_positions_are_contiguous_and_in_order(store: Store) -> None:
    """200 parallel appends of one to three events leave positions without a gap, and each answer is right."""
    results = await outcomes(store, [grant_append(f"g{n}", events=n % 3 + 1) for n in range(200)])
    log = await store.read_log(0, 1000)
    assert [event.position for event in log] == list(range(1, len(log) + 1))
    for number, result in enumerate(results):
        assert isinstance(result, AppendResult)
        own = [event for event in log if event.stream == f"default:grant:g{number}"]
        assert [event.position for event in own] == list(
            range(result.first_position, result.last_position + 1)
        )
        assert [event.version for event in own] == list(range(1, number % 3 + 2))
        assert {event.recorded_at for event in own} == {result.recorded_at}
    assert [event.recorded_at for event in log] == sorted(event.recorded_at for event in log)


async def test_chain_verifies_after_mixed_batches(store: Store) -> None:
    """Batches with conflicts in them leave a ledger that the independent walk accepts (F34)."""
    await outcomes(store, [grant_append(f"g{n % 30}", events=2) for n in range(100)])
    assert (await store.head()).position == 60
    assert (await verify(store)).problem is None
    batches = await store.read_ledger(0, 100)
    assert batches[0].first_position == 1
    assert batches[-1].last_position == 60


async def test_all_streams_or_none(store: Store) -> None:
    """An append over two streams, one of which has moved, leaves nothing in the other and no row."""
    await store.append(grant_append("a"))
    both = Append(
        (
            StreamAppend("default:grant:b", 0, (new_event(),)),
            StreamAppend("default:grant:a", 0, (new_event(),)),
        ),
        METADATA,
        (token_row("b"),),
    )
    with pytest.raises(Conflict) as conflict:
        await store.append(both)
    assert (conflict.value.what, conflict.value.subject) == ("version", "default:grant:a")
    assert (await store.read_stream("default:grant:b")).version == 0
    assert await store.read_rows("tokens", "", 10) == []
    assert (await store.head()).position == 1


async def test_a_conflict_does_not_disturb_its_batch(store: Store) -> None:
    """Of appends that travel together, those that conflict fail alone and use up no position."""
    await outcomes(store, [grant_append(f"old{n}") for n in range(10)])
    appends = [grant_append(f"old{n}" if n % 2 else f"new{n}", rows=(token_row(f"n{n}"),)) for n in range(10)]
    results = await outcomes(store, appends)
    assert [isinstance(result, Conflict) for result in results] == [bool(n % 2) for n in range(10)]
    assert (await store.head()).position == 15
    assert len(await store.read_rows("tokens", "", 100)) == 5


async def test_one_of_many_wins_a_version(store: Store) -> None:
    """Of 64 parallel appends at one version exactly one wins, and the others are conflicts (F14)."""
    results = await outcomes(store, [grant_append("g", events=1) for _ in range(64)])
    assert sum(isinstance(result, AppendResult) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 63
    assert (await store.read_stream("default:grant:g")).version == 1


async def test_events_of_one_append_may_alternate_between_streams(store: Store) -> None:
    """Events keep the order they were given, also when their streams alternate; twice the same is a conflict."""
    parts = tuple(
        StreamAppend(f"default:grant:{name}", version, (new_event(number),))
        for number, (name, version) in enumerate([("a", 0), ("b", 0), ("a", 1), ("b", 1)])
    )
    await store.append(Append(parts, METADATA))
    log = await store.read_log(0, 10)
    assert [(event.stream[-1], event.version) for event in log] == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    twice = StreamAppend("default:grant:c", 0, (new_event(),))
    with pytest.raises(Conflict):
        await store.append(Append((twice, twice), METADATA))


async def test_expected_versions_of_other_streams(store: Store) -> None:
    """A read-only expectation is a conflict when that stream is at another version, and writes nothing to it."""
    await store.append(grant_append("account"))
    account = "default:grant:account"

    def expecting(name: str, version: int) -> Append:
        return Append(
            (StreamAppend(f"default:grant:{name}", 0, (new_event(),)),),
            METADATA,
            expects=((account, version),),
        )

    results = await outcomes(
        store, [expecting("a", 1), expecting("b", 0), expecting("c", 2), expecting("d", 1)]
    )
    assert [isinstance(result, AppendResult) for result in results] == [True, False, False, True]
    assert (await store.read_stream(account)).version == 1


async def test_a_reader_of_a_stream_loses_to_its_writer(store: Store) -> None:
    """An append that expects a version, behind one in the same moment that moves it, is a conflict (F32)."""
    await store.append(grant_append("account"))
    writer = grant_append("account", 1)
    reader = Append(
        (StreamAppend("default:grant:g", 0, (new_event(),)),),
        METADATA,
        expects=(("default:grant:account", 1),),
    )
    first, second = await outcomes(store, [writer, reader])
    assert isinstance(first, AppendResult)
    assert isinstance(second, Conflict)


async def test_configuration_guard(store: Store) -> None:
    """What was decided on clients or keys that have changed since is a conflict; what knows the change is not (F31)."""
    change = Append((StreamAppend(CLIENT, 0, (new_event(),)),), METADATA, configuration=True)
    changed = await store.append(change)
    assert (await store.head()).changed_at == changed.last_position

    def decided_on(applied: int | None, name: str) -> Append:
        return Append((StreamAppend(f"default:grant:{name}", 0, (new_event(),)),), METADATA, applied=applied)

    results = await outcomes(store, [decided_on(0, "a"), decided_on(1, "b"), decided_on(None, "c")])
    assert isinstance(results[0], Conflict)
    assert results[0].what == "guard"
    assert isinstance(results[1], AppendResult)
    assert isinstance(results[2], AppendResult)
    await store.append(grant_append("later"))
    assert (await store.head()).changed_at == changed.last_position


async def test_an_append_behind_a_configuration_change_knows_of_it(store: Store) -> None:
    """A change of a client and a decision on its old state in one moment: the decision that comes later loses."""
    change = Append((StreamAppend(CLIENT, 0, (new_event(),)),), METADATA, configuration=True)
    behind = Append((StreamAppend("default:grant:g", 0, (new_event(),)),), METADATA, applied=0)
    first, second = await outcomes(store, [change, behind])
    assert isinstance(first, AppendResult)
    assert isinstance(second, Conflict)


async def test_unique_claims(store: Store) -> None:
    """Of two accounts that claim one login in one moment the second gets nothing, not even its other rows."""
    appends = [grant_append(n, rows=(login_row("alice", n), sealed_row(n, b"\x00\xff"))) for n in ("a", "b")]
    first, second = await outcomes(store, appends)
    assert isinstance(first, AppendResult)
    assert isinstance(second, Conflict)
    assert (second.what, second.subject) == ("claim", "logins")
    assert (await store.read_stream("default:grant:b")).version == 0
    assert (await store.find("login", "default:alice")).row["subject"] == "a"  # type: ignore[index]
    rows = await store.read_rows("sealed", "", 10)
    assert [(row["key"], row["ciphertext"]) for row in rows] == [("default:a", b"\x00\xff")]


async def test_rows_are_there_when_append_returns(store: Store) -> None:
    """A row written with an append is seen by the next look-up, and a second put replaces it."""
    await store.append(grant_append("g", rows=(sealed_row("k", b"one"),)))
    assert (await store.find("sealed", "default:k")).row["ciphertext"] == b"one"  # type: ignore[index]
    await store.append(grant_append("g", 1, rows=(sealed_row("k", b"two"),)))
    assert (await store.find("sealed", "default:k")).row["ciphertext"] == b"two"  # type: ignore[index]


async def test_revoke_by_key_and_prefix(store: Store) -> None:
    """A revocation by prefix takes every token of the grant and no other's, and keeps an earlier time."""
    await store.append(grant_append("g", rows=tuple(token_row("g", f"t{n}") for n in range(3))))
    await store.append(grant_append("g2", rows=(token_row("g2"),)))
    revoke_one = Row("tokens", "revoke", {"key": "default:g:t1", "revoked_at": 50})
    revoke_all = Row("tokens", "revoke", {"key": "default:g:*", "revoked_at": 60})
    await store.append(grant_append("g", 1, rows=(revoke_one,)))
    await store.append(grant_append("g", 2, rows=(revoke_all,)))
    rows = {row["key"]: row["revoked_at"] for row in await store.read_rows("tokens", "", 10)}
    assert rows == {"default:g:t0": 60, "default:g:t1": 50, "default:g:t2": 60, "default:g2:t1": None}


async def test_drop_by_key_and_prefix(store: Store) -> None:
    """Dropping by key or prefix takes exactly those rows; a put of the same append comes after it."""
    names = ("subject:s1:key", "subject:s1:claims", "subject:s10:key", "grant:g:key")
    await store.append(grant_append("a", rows=tuple(sealed_row(name, b"x") for name in names)))
    drops = (
        Row("sealed", "drop", {"key": "default:subject:s1:*"}),
        Row("sealed", "drop", {"key": "default:grant:g:key"}),
        sealed_row("subject:s1:new", b"y"),
    )
    await store.append(grant_append("b", rows=drops))
    keys = [row["key"] for row in await store.read_rows("sealed", "", 10)]
    assert keys == ["default:subject:s10:key", "default:subject:s1:new"]


async def test_every_table_takes_rows(store: Store) -> None:
    """Each table of ``projections/tables.py`` takes, gives back and drops a row with all its columns."""
    from projections.tables import INLINE_TABLES, PRIVATE_TABLES

    numbers = {"version", "expires_at", "revoked_at"}
    for number, table in enumerate(INLINE_TABLES + PRIVATE_TABLES):
        values = {name: 7 if name in numbers else f'{name} é"\\' for name in table.columns}
        if "ciphertext" in values:
            values["ciphertext"] = bytes(range(256))
        await store.append(grant_append(f"g{number}", rows=(Row(table.name, "claim", values),)))
        assert [dict(row) for row in await store.read_rows(table.name, "", 10)] == [values]
        with pytest.raises(Conflict):
            await store.append(grant_append(f"h{number}", rows=(Row(table.name, "claim", values),)))
        drop = Row(table.name, "drop", {"key": values["key"]})
        await store.append(grant_append(f"i{number}", rows=(drop,)))
        assert await store.read_rows(table.name, "", 10) == []


async def test_rows_without_an_event(store: Store) -> None:
    """Rows alone are written too; they use up no position and add no batch to the ledger."""
    await store.append(grant_append("g"))
    await store.append(Append((), METADATA, (sealed_row("k", b"one"),)))
    assert (await store.find("sealed", "default:k")).row is not None
    assert (await store.head()).position == 1
    assert len(await store.read_ledger(0, 10)) == 1
    assert (await verify(store)).problem is None


async def test_the_stored_bytes_are_the_given_ones(store: Store) -> None:
    """Payload and metadata come back byte for byte, whatever an engine thinks of JSON."""
    from authrim.store.contract import NewEvent

    payload, metadata = b'{"b": 1,  "a":1.0, "a":"\xc3\xa9"}', b'{ "z":1, "y":2 }'
    await store.append(
        Append((StreamAppend("default:grant:g", 0, (NewEvent("grant.x.v1", payload),)),), metadata)
    )
    (event,) = await store.read_whole_stream("default:grant:g")
    assert (event.payload, event.metadata, event.type) == (payload, metadata, "grant.x.v1")


async def test_the_first_event_has_metadata_of_its_own(store: Store) -> None:
    """decisions 10: what is recorded beside a decision is in its first event alone, and the hash chain proves it."""
    first, other = b'{"tenant":"default","decided":1}', b'{"tenant":"default"}'
    events = (new_event(), new_event())
    parts = (StreamAppend("default:grant:a", 0, events, first), StreamAppend("default:grant:b", 0, events))
    await store.append(Append(parts, other))
    assert [event.metadata for event in await store.read_log(0, 10)] == [first, other, other, other]
    assert (await verify(store)).is_proof
