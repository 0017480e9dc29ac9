"""Bundles and the verifier that is in them: what is exported is proved, on each store."""

import ast
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from authrim.audit.bundle import verify_bundle
from authrim.audit.bundle.export import VERIFIER
from authrim.audit.bundle.schemas import schemas_of
from authrim.audit.bundle.verify_bundle import Tree, widths
from authrim.store.codec import REGISTRIES
from authrim.store.read_back import ReadBack
from tests.audit.bundle.bundles import (
    SIGNER,
    TestSigner,
    files_of,
    grant_bundle,
    leaves_of,
    lines_of,
    range_bundle,
    root_over,
    verified,
)
from tests.store.log_samples import CANARY, write_grant, write_history, write_poison


@pytest.fixture
async def log(store: ReadBack) -> ReadBack:
    """A log with streams of every kind, with events that this version cannot read, and bytes that are no text."""
    await write_history(store)
    await write_poison(store)
    await write_grant(store, "grant-3", revoked=True)
    return store


async def test_same_positions_same_bytes(log: ReadBack) -> None:
    """A228: a bundle is a function of its positions: what was appended since changes no byte of it."""
    head = (await log.head()).position
    before = [
        await range_bundle(log, 3, 17),
        await range_bundle(log, 1, head),
        await grant_bundle(log, "grant-2"),
    ]
    await write_grant(log, "grant-4")
    after = [
        await range_bundle(log, 3, 17),
        await range_bundle(log, 1, head),
        await grant_bundle(log, "grant-2"),
    ]
    assert before == after


async def test_every_part_of_the_log_is_proved(log: ReadBack, tmp_path: Path) -> None:
    """A228: any range is proved within any tree that has it, against older checkpoints inside and outside the range; a
    false one is found."""
    leaves, chosen = await leaves_of(log), random.Random(1)
    head = len(leaves)
    roots = [root_over(leaves[:size]) for size in range(head + 1)]
    for _ in range(40):
        first = chosen.randint(1, head)
        last = chosen.randint(first, head)
        size = chosen.choice([0, chosen.randint(last, head)])
        older = chosen.randint(1, last)
        bundle = await range_bundle(log, first, last, size=size, older=(older,))
        told = json.loads(files_of(bundle)["manifest.json"])
        assert told["root"] == roots[told["tree_size"]].hex()
        kept = (
            SIGNER.checkpoint(older, roots[older]),
            SIGNER.checkpoint(told["tree_size"], bytes.fromhex(told["root"])),
        )
        asked = chosen.randint(first, last)
        proved = verified(bundle, tmp_path, outside=kept, proof=asked)
        assert (proved.result, proved.faults, proved.unchecked) == ("proved", [], [])
        assert proved.proof is not None
        assert proved.proof["event"]["position"] == asked
        path = [bytes.fromhex(node) for node in proved.proof["path"]]
        leaf = bytes.fromhex(proved.proof["leaf_hash"])
        assert (
            verify_bundle.root_of_path(asked - 1, told["tree_size"], leaf, path) == roots[told["tree_size"]]
        )
        forged = verified(bundle, tmp_path, outside=(SIGNER.checkpoint(older, roots[older - 1]),))
        assert forged.faults[0]["last_position"] is not None


async def test_a_grant_is_proved_event_by_event(log: ReadBack, tmp_path: Path) -> None:
    """A228: a bundle of a grant has the whole streams of the grant and of what it refers to, each event proved."""
    leaves = await leaves_of(log)
    size = len(leaves)
    bundle = await grant_bundle(log, "grant-2", size=size, older=(7,))
    kept = (SIGNER.checkpoint(7, root_over(leaves[:7])), SIGNER.checkpoint(size, root_over(leaves)))
    proved = verified(bundle, tmp_path, outside=kept)
    assert (proved.result, proved.faults) == ("proved", [])
    told = json.loads(files_of(bundle)["manifest.json"])["selection"]["streams"]
    kinds = {
        "default:grant:grant-2",
        "default:client:app",
        "default:account:person",
        "default:session:browser",
    }
    assert set(told) == kinds | {"default:resource:https://api.example/"}
    assert len(lines_of(files_of(bundle)["events.jsonl"])) == sum(
        [len(await log.read_whole_stream(stream)) for stream in told]
    )


async def test_the_verifier_of_a_bundle_needs_nothing_else(log: ReadBack, tmp_path: Path) -> None:
    """The copy inside a bundle verifies it in an empty folder, isolated from this project. Its exit status and its JSON
    say what it found."""
    bundle = await range_bundle(log, 2, 9)
    (tmp_path / "verify_bundle.py").write_bytes(files_of(bundle)["verify_bundle.py"])
    (tmp_path / "good.tar").write_bytes(bundle)
    (tmp_path / "key").write_text(SIGNER.key + "\n")
    changed = bundle.replace(b"grant.code_issued.v1", b"grant.code_issued.v2")
    (tmp_path / "bad.tar").write_bytes(changed)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "verify_bundle.py", *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": ""},
        )  # fmt: skip

    good = run("--json", "--key", "key", "--proof", "5", "good.tar")
    assert good.returncode == 0, good.stdout
    report = json.loads(good.stdout)
    assert (report["result"], report["first_position"], report["last_position"]) == ("proved", 2, 9)
    assert report["proof"]["index"] == 4
    unknown = run("good.tar")
    assert unknown.returncode == 3
    assert "NOT CHECKED: who recorded the events" in unknown.stdout
    bad = run("--key", "key", "bad.tar")
    assert bad.returncode == 1
    assert "FAULT at position 8, events.jsonl" in bad.stdout
    assert "NOT AUTHENTIC" in bad.stdout
    assert run("--key", "nonsense", "good.tar").returncode == 2
    assert run("missing.tar").returncode == 2


def test_the_verifier_reads_nothing_of_the_project() -> None:
    """The verifier imports the standard library and ``cryptography``, and is not longer than an auditor can read."""
    text = VERIFIER.read_text()
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module is not None
            names.add(node.module.split(".")[0])
    assert names - set(sys.stdlib_module_names) == {"cryptography"}
    assert len(text.splitlines()) < 800


async def test_another_key_is_another_log(log: ReadBack, tmp_path: Path) -> None:
    """A230: a bundle that somebody else signed is refused by who knows the log's key; who knows none is told so."""
    bundle = await range_bundle(log, 1, 9)
    stranger = TestSigner(b"s" * 32)
    assert verified(bundle, tmp_path, key=stranger.key).result == "fault"
    assert verified(bundle, tmp_path, key="").result == "unproved"
    unsigned = await range_bundle(log, 1, 9, signed=False)
    assert verified(unsigned, tmp_path).faults[0]["what"] == "the bundle is not signed"
    assert verified(unsigned, tmp_path, key="").result == "unproved"


async def test_what_a_checkpoint_alone_proves(log: ReadBack, tmp_path: Path) -> None:
    """A228: without a key, a checkpoint proves the events that it covers; of later ones, and by one of a larger tree,
    the verifier says that nothing is proved. Two checkpoints of two logs are told."""
    leaves = await leaves_of(log)
    bundle = await range_bundle(log, 1, 9)
    size = json.loads(files_of(bundle)["manifest.json"])["tree_size"]

    def result(*sizes: int) -> str:
        kept = tuple(SIGNER.checkpoint(at, root_over(leaves[:at])) for at in sizes)
        return verified(bundle, tmp_path, key="", outside=kept).result

    assert [result(size), result(9), result(8), result(len(leaves))] == [
        "proved", "proved", "unproved", "unproved",
    ]  # fmt: skip
    two = (SIGNER.checkpoint(9, root_over(leaves[:9])), SIGNER.checkpoint(9, bytes(32)))
    assert verified(bundle, tmp_path, outside=two).faults


async def test_schemas_are_those_of_the_events(log: ReadBack) -> None:
    """Each type of the bundle that this version knows has its JSON schema, and no other; nothing personal is there."""
    files = files_of(await range_bundle(log, 1, (await log.head()).position))
    schemas = json.loads(files["schemas.json"])
    types = {event["type"] for event in lines_of(files["events.jsonl"])}
    assert types - set(schemas["payloads"]) == {"grant.never_heard_of.v9", "not.ours"}
    assert "people.jsonl" not in files
    assert CANARY in files["events.jsonl"].decode()


def test_every_event_has_a_schema() -> None:
    """A bundle may have events of every type, the summary of a long grant too, whose state has values of any type."""
    types = {tag for registry in REGISTRIES.values() for tag in registry}
    payloads = schemas_of(types)["payloads"]
    assert set(payloads) == types
    assert (
        payloads["grant.summarized.v1"]["$defs"]["GrantSummarized"]["properties"]["state"]["type"] == "object"
    )


def test_the_tree_is_that_of_the_rfc() -> None:
    """RFC 6962 §2.1: for every size and every part of it, the verifier's tree over leaves and subtrees has the root of
    the definition, and the path of a leaf leads to it."""
    leaves = [bytes([number]) * 32 for number in range(40)]
    for size in range(1, 41):
        for start in range(size):
            tree = Tree(start)
            at = 0
            for width in widths(0, start):
                tree.add(root_over(leaves[at : at + width]), width)
                at += width
            tree.add(leaves[start])
            at += 1
            for width in widths(at, size):
                tree.add(root_over(leaves[at : at + width]), width)
                at += width
            root, path = tree.root()
            assert root == root_over(leaves[:size])
            assert verify_bundle.root_of_path(start, size, leaves[start], path) == root
