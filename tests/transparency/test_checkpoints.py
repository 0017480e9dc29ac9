"""Checkpoints of the log: signed when they continue the last one, verified, proved from (A228, F34)."""

import asyncio
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from authrim.audit.rebuild import verify
from authrim.audit.tree import TreeFollower
from authrim.crypto.signed_note import read_note, read_note_key, verified
from authrim.store.read_back import ReadBack, SignedCheckpoint
from authrim.transparency.background import checkpoints_of
from authrim.transparency.checkpoints import Checkpoints
from domain.tree.checkpoint import read_checkpoint
from domain.tree.hashing import leaf_hash
from domain.tree.proofs import verify_consistency, verify_inclusion
from tests.store.log_samples import behind_its_back, write_grant
from tests.store.test_tree import without_protection
from tests.support.command_line import CommandLine
from tests.support.running import running_server
from tests.transparency.installation import NAME, alter_a_leaf, command_line


@pytest.fixture
def commands(store_place: Path | str) -> CommandLine:
    return command_line(store_place)


async def signed(commands: CommandLine) -> dict[str, Any]:
    found: dict[str, Any] = await asyncio.to_thread(commands.json, "audit", "checkpoint", "--sign")
    return found


async def test_a_checkpoint_is_signed_and_shown(store: ReadBack, commands: CommandLine) -> None:
    """A276: a checkpoint is a note that its own key signed, no key for tokens. An idle log gets no second one."""
    await write_grant(store, "one")
    refused = await asyncio.to_thread(commands.run, "audit", "checkpoint", status=1)
    assert "No checkpoint has been signed yet." in refused.stderr
    first = await signed(commands)
    assert first["continued"]
    assert first["published"]
    shown = await asyncio.to_thread(commands.run, "audit", "checkpoint")
    assert first["note"] in shown.stdout
    assert "The log continues this checkpoint." in shown.stdout
    told = await asyncio.to_thread(commands.json, "audit", "checkpoint-key")
    key = read_note_key(told["verifier_key"])
    assert key is not None
    assert key.name == NAME
    note = read_note(first["note"])
    assert verified(note, [key]) == (key,)
    checkpoint = read_checkpoint(note.text)
    assert checkpoint is not None
    assert (checkpoint.origin, checkpoint.size) == (NAME, first["size"])
    assert (await signed(commands))["size"] == first["size"]
    events = [event.type for event in await store.read_log(8, 10)]
    assert events == ["log.checkpoint_key_created.v1", "log.checkpoint_signed.v1"]
    assert b"default:key:" not in b"".join(event.stream.encode() for event in await store.read_log(0, 100))
    assert (await verify(store)).fits


async def test_proofs(store: ReadBack, commands: CommandLine) -> None:
    """``prove`` and ``prove-consistency`` print what a stranger verifies with the checkpoint alone (A228)."""
    await write_grant(store, "one")
    first = await signed(commands)
    await write_grant(store, "two")
    second = await signed(commands)
    roots = [b64decode(one["root"]) for one in (first, second)]
    for position in (1, first["size"], second["size"]):
        proved = await asyncio.to_thread(commands.json, "audit", "prove", str(position))
        proof = [b64decode(hash_) for hash_ in proved["proof"]]
        leaf = leaf_hash(bytes.fromhex(proved["entry"]))
        assert leaf.hex() == proved["leaf"]
        assert verify_inclusion(position - 1, second["size"], leaf, proof, roots[1])
    (event,) = await store.read_log(0, 1)
    one = await asyncio.to_thread(commands.json, "audit", "prove", "1")
    assert one["entry"] == (event.leaf + event.recorded_at.to_bytes(8, "big")).hex()
    sizes = (str(first["size"]), str(second["size"]))
    between = await asyncio.to_thread(commands.json, "audit", "prove-consistency", *sizes)
    hashes = [b64decode(hash_) for hash_ in between["proof"]]
    assert verify_consistency(first["size"], second["size"], hashes, roots[0], roots[1])
    beyond = await asyncio.to_thread(commands.run, "audit", "prove", str(second["size"] + 1), status=1)
    assert "does not reach this position" in beyond.stderr
    backwards = await asyncio.to_thread(commands.run, "audit", "prove-consistency", "9", "3", status=1)
    assert "never been of these sizes" in backwards.stderr


async def test_a_new_key(store: ReadBack, commands: CommandLine) -> None:
    """After a new key was made, it signs, and what the earlier one signed still verifies."""
    await write_grant(store, "one")
    first = await signed(commands)
    made = await asyncio.to_thread(commands.json, "audit", "checkpoint-key", "--new")
    assert len(made["earlier"]) == 1
    assert (await asyncio.to_thread(commands.json, "audit", "checkpoint"))["note"] == first["note"]
    second = await signed(commands)
    key = read_note_key(made["verifier_key"])
    assert key is not None
    assert verified(read_note(second["note"]), [key]) == (key,)


def alter_the_checkpoint(store_place: Path | str) -> None:
    behind_its_back(store_place, "UPDATE checkpoints SET note = replace(note, 'login', 'logim')")


@pytest.mark.parametrize(
    ("alter", "said"),
    [(alter_a_leaf, "the log does not continue the checkpoint"), (alter_the_checkpoint, "does not verify")],
)
async def test_no_checkpoint_of_an_altered_tree(
    store: ReadBack,
    store_place: Path | str,
    commands: CommandLine,
    alter: Callable[[Path | str], None],
    said: str,
) -> None:
    """F34: where the tree does not continue the last checkpoint, or that one is not ours, nothing is signed."""
    await write_grant(store, "one")
    await signed(commands)
    alter(store_place)
    await write_grant(store, "two")
    refused = await asyncio.to_thread(commands.run, "audit", "checkpoint", "--sign", status=1)
    assert said in refused.stderr
    types = [event.type for event in await store.read_log(0, 100)]
    assert types.count("log.checkpoint_signed.v1") == 1


async def test_no_checkpoint_of_a_shorter_log(
    store: ReadBack, store_place: Path | str, commands: CommandLine
) -> None:
    """F34: after the end of the log was cut off, nothing is signed, and the position is named."""
    await write_grant(store, "one")
    await signed(commands)
    without_protection(store_place, "DELETE FROM events WHERE position > 6", "UPDATE head SET position = 6")
    refused = await asyncio.to_thread(commands.run, "audit", "checkpoint", "--sign", status=1)
    assert "the log is not the one that its tree was made of, at position 10" in refused.stderr


async def test_an_altered_event_has_no_proof(
    store: ReadBack, store_place: Path | str, commands: CommandLine
) -> None:
    """A228: an event that was changed together with its leaf hash is not proved any more."""
    await write_grant(store, "one")
    await signed(commands)
    without_protection(store_place, "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 3")
    refused = await asyncio.to_thread(commands.run, "audit", "prove", "3", status=1)
    assert "The proof does not hold" in refused.stderr


async def test_another_process_signs_meanwhile(store: ReadBack, tmp_path: Path) -> None:
    """F18: a checkpoint that another process signs while this one compares the log with what was signed is no sign of
    another log, whether this one finds it in the log or in the state file."""
    async with running_server(store, checkpoint_state_file=tmp_path / "state") as server:
        other = checkpoints_of(server.core)

        class Overtaken(Checkpoints):
            async def newest(self, cosignatures: int = 0) -> SignedCheckpoint | None:
                await write_grant(store, f"meanwhile-{(await store.head()).position}")
                await other.sign()
                return await super().newest(cosignatures)

        one = Overtaken(store, other.keys, other.witnesses, other.state_file)
        await one.prove_continuation()
        assert await one.sign() is not None


async def test_no_consistency_of_an_altered_tree(
    store: ReadBack, store_place: Path | str, commands: CommandLine
) -> None:
    """A228: ``prove-consistency`` prints no proof that does not hold, as ``prove`` does not."""
    await asyncio.gather(*(write_grant(store, f"of-many-{number}") for number in range(40)))
    size = await TreeFollower(store).catch_up()
    assert size > 256
    sizes = ("3", str(size))
    await asyncio.to_thread(commands.run, "audit", "prove-consistency", *sizes)
    alter_a_leaf(store_place)
    refused = await asyncio.to_thread(commands.run, "audit", "prove-consistency", *sizes, status=1)
    assert "The proof does not hold" in refused.stderr


async def test_processes_that_need_the_first_key_at_once(store: ReadBack) -> None:
    """F18: of several processes that find no key of the log, one makes it, and all sign with that one."""
    async with running_server(store) as server:
        signers = await asyncio.gather(*(checkpoints_of(server.core).keys.signer() for _ in range(6)))
        assert len({key.public for key in signers}) == 1
        assert len(await checkpoints_of(server.core).keys.public()) == 1
