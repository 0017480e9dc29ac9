"""A thousand random mutations of a log, of its ledger and of bundles: each is found and named (F34, A228, A230)."""

import json
import random
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import pytest

from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.verify_bundle import Checkpoint
from authrim.audit.leaves import verify_log
from authrim.audit.tree import TreeFollower
from authrim.store import chain
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from domain.tree.checkpoint import Checkpoint as TreeHead
from domain.tree.hashing import event_hash
from tests.audit.bundle.bundles import (
    SIGNER,
    TestSigner,
    bundle_of,
    files_of,
    grant_bundle,
    leaves_of,
    lines_of,
    range_bundle,
    retold,
    root_over,
    text_of,
    verified,
)
from tests.audit.bundle.rewriting import (
    DAMAGES,
    Damage,
    Log,
    Mutator,
    digest,
    open_for_rewriting,
    other,
    read_rows,
    write_rows,
)
from tests.store.log_samples import behind_its_back, write_grant, write_history, write_poison

OF_BUNDLES, OF_SQLITE, OF_POSTGRES = 570, 330, 60


async def write_log(store: ReadBack) -> None:
    await write_history(store)
    await write_poison(store)
    for number in range(4):
        await write_grant(store, f"more-{number}", revoked=number % 2 == 0)


class Kept(NamedTuple):
    """What an auditor has from before: checkpoints, and where the log ended."""

    checkpoints: tuple[Checkpoint, ...]
    size: int


async def kept_from(store: ReadBack) -> Kept:
    leaves = await leaves_of(store)
    sizes = [*range(10, len(leaves), 10), len(leaves)]
    return Kept(tuple(SIGNER.checkpoint(size, root_over(leaves[:size])) for size in sizes), len(leaves))


async def found(store: ReadBack, kept: Kept, folder: Path) -> tuple[int, int] | None:
    """The positions that the server names, or else the offline verifier, which has the kept checkpoints. None: neither
    finds anything."""
    problem = (await verify_log(store)).problem
    if problem is not None:
        return problem.first_position, problem.last_position
    head = (await store.head()).position
    try:
        bundle = await range_bundle(store, 1, head)
    except Damaged as damaged:
        return damaged.problem.first_position, damaged.problem.last_position
    known = tuple(one for one in kept.checkpoints if one.size <= head)
    verification = verified(bundle, folder, outside=known)
    if verification.faults:
        return verification.faults[0]["first_position"], verification.faults[0]["last_position"]
    # Nothing is false up to the last checkpoint that fits. The export refuses the size of the newest one.
    proved = max((one.size for one in known), default=0)
    return (proved + 1, kept.size) if head < kept.size else None


def damage_rows(place: Path | str, whole: Log, do: Mutator, chosen: random.Random) -> Damage:
    """Do one damage. It is chosen again when it changes nothing, or when a constraint of the tables refuses it."""
    while True:
        log = whole.copy()
        damage = do(log, chosen)
        if digest(log) == digest(whole):
            continue
        try:
            write_rows(place, log)
        except (sqlite3.IntegrityError, psycopg2.IntegrityError):
            continue
        return damage


async def mutate(store: ReadBack, place: Path | str, count: int, seed: int, folder: Path) -> None:
    """Do ``count`` mutations, one after the other, each of the log as it was."""
    open_for_rewriting(place)
    kept, whole = await kept_from(store), read_rows(place)
    await TreeFollower(store).catch_up()
    assert await found(store, kept, folder) is None
    chosen = random.Random(seed)
    for number in range(count):
        damage = damage_rows(place, whole, DAMAGES[number % len(DAMAGES)], chosen)
        if number % 2:  # the tiles are made to fit, too: only a checkpoint that was kept can tell
            await store.tree.clear()
        named = await found(store, kept, folder)
        assert named is not None, (number, damage)
        assert named[0] <= damage.last, (number, damage, named)
        assert damage.first <= named[1], (number, damage, named)
        write_rows(place, whole)
        await store.tree.clear()
        await TreeFollower(store).catch_up()
    assert await found(store, kept, folder) is None


async def test_mutations_of_an_embedded_log(tmp_path: Path) -> None:
    """F34, A228: 330 random mutations of events, ledger and head are each found, with a position or batch that fits.
    The log as it was passes before and after."""
    place = tmp_path / "log.db"
    migrate_sqlite(place)
    store = SQLiteStore(place)
    await store.open()
    try:
        await write_log(store)
        await mutate(store, place, OF_SQLITE, 1, tmp_path)
    finally:
        await store.close()


async def test_mutations_of_a_log_on_postgresql(postgres_dsn: str, tmp_path: Path) -> None:
    """F34, A228: the same 60 times on PostgreSQL."""
    store = PostgresStore(postgres_dsn)
    await store.open()
    try:
        await write_log(store)
        await mutate(store, postgres_dsn, OF_POSTGRES, 2, tmp_path)
    finally:
        await store.close()


async def test_mutations_of_tiles(tmp_path: Path) -> None:
    """F34: whichever byte of the tree's leaves is flipped or cut off in the database, the server names the position."""
    place = tmp_path / "log.db"
    migrate_sqlite(place)
    store = SQLiteStore(place)
    await store.open()
    try:
        await write_log(store)
        size = await TreeFollower(store).catch_up()
        ((whole,),) = behind_its_back(place, "SELECT hex(hashes) FROM tiles WHERE key LIKE '0/%'")
        tile = bytes.fromhex(str(whole))
        chosen = random.Random(4)
        for _ in range(40):
            at = chosen.randrange(len(tile))
            hashes = (
                tile[:at] if chosen.random() < 0.3 else tile[:at] + bytes([tile[at] ^ 1]) + tile[at + 1 :]
            )
            behind_its_back(place, f"UPDATE tiles SET hashes = x'{hashes.hex()}' WHERE key LIKE '0/%'")
            problem = (await verify_log(store)).problem
            assert problem is not None
            assert problem.first_position == at // 32 + 1
            with pytest.raises(Damaged):
                await range_bundle(store, 1, size)
        behind_its_back(place, f"UPDATE tiles SET hashes = x'{tile.hex()}' WHERE key LIKE '0/%'")
        assert (await verify_log(store)).problem is None
    finally:
        await store.close()


# --- bundles ----------------------------------------------------------------------------------------------------------

Files = dict[str, bytes]
Mutation = Callable[[Files, random.Random], bytes]


def flip_a_bit(files: Files, chosen: random.Random) -> bytes:
    return bytes(other(bundle_of(files), chosen))


def cut_the_file(files: Files, chosen: random.Random) -> bytes:
    whole = bundle_of(files)
    return whole[: chosen.randrange(len(whole))]


def change_lines(files: Files, chosen: random.Random) -> bytes:
    """Delete, double or swap lines, and make the manifest fit."""
    name = chosen.choice([name for name in files if name.endswith(".jsonl")])
    lines = lines_of(files[name])
    one, two = chosen.sample(range(len(lines)), 2)
    match chosen.choice(("delete", "double", "swap", "cut")):
        case "delete":
            del lines[one]
        case "double":
            lines.insert(one, lines[one])
        case "swap":
            lines[one], lines[two] = lines[two], lines[one]
        case "cut":
            del lines[max(one, 1) :]
    return bundle_of(retold(files | {name: text_of(lines)}))


def change_a_value(files: Files, chosen: random.Random) -> bytes:
    """One value of one line, and a manifest that fits."""
    name = chosen.choice([name for name in files if name.endswith(".jsonl")])
    lines = lines_of(files[name])
    line = chosen.choice(lines)
    key = chosen.choice([key for key, value in line.items() if value not in ("", [])])
    value = line[key]
    line[key] = [*value[:-1], other(value[-1], chosen)] if isinstance(value, list) else other(value, chosen)
    return bundle_of(retold(files | {name: text_of(lines)}))


def change_a_document(files: Files, chosen: random.Random) -> bytes:
    """A member of the manifest, or something in the schemas, the proof, the verifier or a note."""
    name = chosen.choice([name for name in files if not name.endswith(".jsonl")])
    if name != "manifest.json" or chosen.random() < 0.3:
        changed = files | {name: bytes(other(files[name], chosen))}
        return bundle_of(changed if name.startswith("manifest") else retold(changed))
    manifest = json.loads(files[name])
    key = chosen.choice(("origin", "first_position", "last_position", "events", "tree_size", "root", "key"))
    manifest[key] = other(manifest[key], chosen)
    return bundle_of(files | {name: (json.dumps(manifest, indent=1) + "\n").encode()})


def replace_an_event(files: Files, chosen: random.Random) -> bytes:
    """A forged event, with everything that its forger can compute again: leaf, batch, chain, root and manifest. The
    signatures are the old ones, or of another key."""
    lines, ledger = lines_of(files["events.jsonl"]), lines_of(files.get("ledger.jsonl", b""))
    event = chosen.choice([line for line in lines if "payload" in line and "proof" not in line] or lines)
    event["payload"] = str(other(event["payload"], chosen))
    names = ("stream", "version", "type", "payload", "metadata")
    stream, version, kind, payload, metadata = (event[name] for name in names)
    event["leaf"] = chain.leaf_hash(stream, version, kind, payload.encode(), metadata.encode()).hex()
    manifest = json.loads(files["manifest.json"])
    chain_ = bytes.fromhex(manifest["previous_chain_hash"])
    for row in ledger:
        first, last = row["first_position"], row["last_position"]
        of_batch = [bytes.fromhex(line["leaf"]) for line in lines if first <= line["position"] <= last]
        row["batch_hash"] = chain.batch_hash(of_batch).hex()
        chain_ = chain.chain_hash(chain_, chain.batch_hash(of_batch), first, last, row["recorded_at"])
        row["chain_hash"] = chain_.hex()
    if ledger and manifest["first_position"] == 1:
        leaves = [event_hash(bytes.fromhex(line["leaf"]), line["recorded_at"]) for line in lines]
        manifest["root"] = root_over(leaves).hex()
    changed = files | {"events.jsonl": text_of(lines), "manifest.json": json.dumps(manifest).encode()}
    if ledger:
        changed["ledger.jsonl"] = text_of(ledger)
    changed = retold(changed)
    stranger = TestSigner(b"s" * 32)
    if chosen.random() < 0.5:
        told = json.loads(changed["manifest.json"])
        head = TreeHead(told["origin"], told["tree_size"], bytes.fromhex(told["root"])).text()
        line = f"bundle {sha256(changed['manifest.json']).hexdigest()}\n"
        changed |= {"checkpoint": stranger.sign(head + line)}
    return bundle_of(changed)


def drop_a_file(files: Files, chosen: random.Random) -> bytes:
    name = chosen.choice(list(files))
    left = {other_name: content for other_name, content in files.items() if other_name != name}
    if name != "manifest.json":
        manifest = json.loads(left["manifest.json"])
        manifest["files"] = [entry for entry in manifest["files"] if entry["name"] != name]
        left["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    return bundle_of(left)


MUTATIONS: tuple[Mutation, ...] = (
    flip_a_bit, flip_a_bit, cut_the_file, change_lines, change_lines, change_a_value, change_a_value, change_a_document,
    replace_an_event, replace_an_event, drop_a_file,
)  # fmt: skip


@pytest.fixture
async def bundles(tmp_path: Path) -> list[bytes]:
    """Bundles of a whole log, of parts of it that begin and end within batches, and of a grant."""
    place = tmp_path / "log.db"
    migrate_sqlite(place)
    store = SQLiteStore(place)
    await store.open()
    await write_log(store)
    made = [
        await range_bundle(store, 1, (await store.head()).position),
        await range_bundle(store, 7, 22, size=40, older=(5,)),
        await grant_bundle(store, "grant-2", size=50, older=(9,)),
    ]
    await store.close()
    return made


def test_mutations_of_bundles(bundles: list[bytes], tmp_path: Path) -> None:
    """F34, A228, A230: 570 random mutations of signed bundles are each found by who knows the log's key, with the
    position, the batch, the file or the place in the archive; the bundles as they were pass."""
    chosen = random.Random(3)
    for bundle in bundles:
        assert verified(bundle, tmp_path).result == "proved"
    for number in range(OF_BUNDLES):
        whole = chosen.choice(bundles)
        mutation = MUTATIONS[number % len(MUTATIONS)]
        changed = mutation(files_of(whole), chosen)
        if changed == whole:
            continue
        verification = verified(changed, tmp_path)
        assert verification.result == "fault", (number, mutation.__name__)
        first: dict[str, Any] = verification.faults[0]
        named = first["first_position"] is not None or first["file"] or "archive" in first["what"]
        assert named, (number, mutation.__name__, first)


def test_a_forged_event_is_named_by_its_position(bundles: list[bytes], tmp_path: Path) -> None:
    """A230: an event that is changed without its hashes is named by its position, with its leaf by its batch or, in a
    bundle of a grant, again by its position."""
    for bundle in bundles:
        files = files_of(bundle)
        for at, line in enumerate(lines_of(files["events.jsonl"])):
            if "payload" not in line or not line["payload"]:
                continue
            lines = lines_of(files["events.jsonl"])
            lines[at]["payload"] += " "
            fault = verified(bundle_of(retold(files | {"events.jsonl": text_of(lines)})), tmp_path).faults[0]
            assert fault["first_position"] == fault["last_position"] == line["position"]
            fields = [lines[at][name] for name in ("stream", "version", "type", "payload", "metadata")]
            made = chain.leaf_hash(fields[0], fields[1], fields[2], fields[3].encode(), fields[4].encode())
            lines[at]["leaf"] = made.hex()
            fault = verified(bundle_of(retold(files | {"events.jsonl": text_of(lines)})), tmp_path).faults[0]
            assert fault["first_position"] <= line["position"] <= fault["last_position"]
