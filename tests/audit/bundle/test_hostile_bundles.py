"""Archives that no export wrote: each is refused, by its structure alone (A277)."""

import io
import json
import resource
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from authrim.audit.bundle.export import VERIFIER
from authrim.audit.bundle.verify_bundle import BLOCK, tar_header
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.audit.bundle.bundles import SIGNER, bundle_of, files_of, range_bundle, retold, text_of, verified
from tests.store.log_samples import write_history


@pytest.fixture
async def bundle(tmp_path: Path) -> bytes:
    """A bundle that is in order."""
    path = tmp_path / "log.db"
    migrate_sqlite(path)
    store = SQLiteStore(path)
    await store.open()
    await write_history(store)
    bundle = await range_bundle(store, 1, 20, size=25)
    await store.close()
    return bundle


def with_entry(bundle: bytes, header: bytes, content: bytes = b"") -> bytes:
    """The bundle with one more entry at its end."""
    return bundle[: -2 * BLOCK] + header + content + bytes(-len(content) % BLOCK) + bytes(2 * BLOCK)


def ordinary(name: str, **fields: object) -> bytes:
    """A header as other programs write it."""
    entry = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry.tobuf(tarfile.GNU_FORMAT)


def test_entries_that_no_bundle_has(bundle: bytes, tmp_path: Path) -> None:
    """A277: a path out of the folder, an absolute path, a file twice, a link, a folder, a device, an extended header,
    an owner or a time: refused before anything is read."""
    hostile = {
        "traversal": tar_header("../../etc/cron.d/x", 0),
        "absolute": tar_header("/etc/passwd", 0),
        "unknown": tar_header("README", 0),
        "twice": tar_header("people.jsonl", 0) + tar_header("people.jsonl", 0),
        "duplicate": tar_header("manifest.json", 0),
        "link": ordinary("people.jsonl", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "hard link": ordinary("people.jsonl", type=tarfile.LNKTYPE, linkname="manifest.json"),
        "folder": ordinary("people.jsonl", type=tarfile.DIRTYPE),
        "device": ordinary("people.jsonl", type=tarfile.CHRTYPE),
        "extended header": ordinary("people.jsonl", type=tarfile.XHDTYPE),
        "sparse": ordinary("people.jsonl", type=tarfile.GNUTYPE_SPARSE),
        "time": ordinary("people.jsonl", mtime=1),
        "owner": ordinary("people.jsonl", uid=1, uname="root"),
        "mode": ordinary("people.jsonl", mode=0o4755),
        "size beyond the end": tar_header("people.jsonl", 1 << 40),
        "size of 2^80": tar_header("people.jsonl", 1 << 80),
    }
    for what, header in hostile.items():
        verification = verified(with_entry(bundle, header), tmp_path)
        assert verification.result == "fault", what
        assert "archive" in verification.faults[0]["what"], (what, verification.faults)
    negative = b"\xff" * 12
    header = tar_header("people.jsonl", 0)
    assert verified(with_entry(bundle, header[:124] + negative + header[136:]), tmp_path).result == "fault"


def test_bytes_beside_the_files(bundle: bytes, tmp_path: Path) -> None:
    """A277: nothing can be put before, between or behind the files, and no file taken away."""
    for hostile in (
        b"", b"x", bundle[:-1], bundle + b"\0", bytes(BLOCK) + bundle, bundle[:-BLOCK], bundle + bundle,
        bytes(2 * BLOCK),
    ):  # fmt: skip
        assert verified(hostile, tmp_path).result == "fault"
    padding = bundle.index(b"\n\0") + 1
    assert verified(bundle[:padding] + b"x" + bundle[padding + 1 :], tmp_path).result == "fault"
    files = files_of(bundle)
    for name in files:
        rest = {other: content for other, content in files.items() if other != name}
        assert verified(bundle_of(rest), tmp_path).result == "fault", name
    assert bundle_of(files) == bundle


def test_a_bomb_is_no_larger_than_its_file(bundle: bytes, tmp_path: Path) -> None:
    """A277: deep, wide and endless JSON, and numbers of a million digits, end in a fault, within 512 MiB of memory."""
    files = files_of(bundle)
    deep, wide = b"[" * 200_000, b"[" + b"[]," * 2_000_000 + b"[]]"
    number = b'{"position":' + b"9" * 1_000_000 + b"}\n"
    endless = b'{"position":"' + b"x" * (17 << 20)
    bombs = [
        files | {"events.jsonl": deep},
        files | {"events.jsonl": deep + b"\n"},
        files | {"events.jsonl": number},
        files | {"events.jsonl": endless},
        files | {"ledger.jsonl": deep + b"\n"},
        files | {"ledger.jsonl": number},
        files | {"proof.json": deep},
        files | {"proof.json": wide},
        files | {"manifest.json": deep},
        files | {"manifest.json": wide},
        files | {"manifest.json": b"[1]\n"},
        files | {"checkpoint": b"\n" * (9 << 20)},
        files | {"checkpoint": b"x\n" + b"9" * 100_000 + b"\nx\n\n"},
        files | {"checkpoint": b"\xff\n\n\xff\n"},
    ]
    for number_of, bomb in enumerate(bombs):
        path = tmp_path / f"{number_of}.tar"
        path.write_bytes(bundle_of(bomb))
        ran = subprocess.run(
            [sys.executable, "-I", VERIFIER, "--json", "--key", SIGNER.key, path],
            capture_output=True, check=False, preexec_fn=_little_memory,
        )  # fmt: skip
        assert ran.returncode == 1, (number_of, ran.stderr)
        assert json.loads(ran.stdout)["faults"], number_of


def _little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))


def test_every_value_has_one_spelling(bundle: bytes, tmp_path: Path) -> None:
    """A277: a line that other programs could read otherwise is refused: a member twice, other spaces, other escapes,
    other letters of a hash, another order, a number as text or as truth."""
    files = files_of(bundle)
    first, _, rest = files["events.jsonl"].partition(b"\n")
    event = json.loads(first)
    spelled = [
        first.replace(b'{"position":1,', b'{"position":2,"position":1,'),
        first.replace(b'"position":1', b'"position": 1'),
        first.replace(b'"version":1', b'"version":true'),
        first.replace(b'"version":1', b'"version":1.0'),
        first.replace(b'"position":1', b'"position":true'),
        first.replace(b'"position":1', b'"position":"1"'),
        first.replace(b"default:", b"\\u0064efault:"),
        first.replace(event["leaf"].encode(), event["leaf"].upper().encode()),
        text_of([dict(reversed(event.items()))]).strip(),
        text_of([event | {"more": 1}]).strip(),
        *(renamed(event, name) for name in event),
        first + b" ",
    ]
    for line in spelled:
        assert line != first
        changed = retold(files | {"events.jsonl": line + b"\n" + rest})
        found = verified(bundle_of(changed), tmp_path).faults
        assert found[0]["first_position"] == 1, line


def renamed(event: dict[str, object], name: str) -> bytes:
    """The line, with one member called as if its value were bytes."""
    return text_of([{f"{key}_base64" if key == name else key: value for key, value in event.items()}]).strip()


def test_a_hash_has_one_spelling(bundle: bytes, tmp_path: Path) -> None:
    """A277: a hash in other letters, or with spaces, is refused as such; so is anything but a list of hashes."""
    files = files_of(bundle)
    proof, manifest = json.loads(files["proof.json"]), json.loads(files["manifest.json"])
    node = proof["right"][0]
    wrong = [
        {"right": [other, *proof["right"][1:]]} for other in (node.upper(), f" {node}", node[:-1], 7, None)
    ]
    documents = [("proof.json", proof | one) for one in (*wrong, {"left": ""}, {"left": {}}, {"left": None})]
    documents.append(("manifest.json", manifest | {"root": manifest["root"].upper()}))
    for name, document in documents:
        assert document not in (proof, manifest)
        content = (json.dumps(document, indent=1) + "\n").encode()
        found = verified(bundle_of(files | {name: content}), tmp_path).faults[0]
        assert found["what"] == "these are not hashes", document


def test_text_of_a_bundle_cannot_steer_a_terminal(bundle: bytes, tmp_path: Path) -> None:
    """A226, A277: whatever stands in a bundle is printed as ASCII without control characters."""
    manifest = json.loads(files_of(bundle)["manifest.json"]) | {"origin": "\x1b[2J\u202eevil\r\n"}
    content = (json.dumps(manifest, indent=1) + "\n").encode()
    path = tmp_path / "bundle.tar"
    path.write_bytes(bundle_of(files_of(bundle) | {"manifest.json": content}))
    ran = subprocess.run([sys.executable, "-I", VERIFIER, path], capture_output=True, check=False)
    assert ran.returncode == 1
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in ran.stdout + ran.stderr)


def test_other_programs_read_it(bundle: bytes) -> None:
    """A bundle is a tar file like any other to those who open it."""
    with tarfile.open(fileobj=io.BytesIO(bundle)) as archive:
        assert archive.getnames() == list(files_of(bundle))
        assert {(entry.mtime, entry.uid, entry.mode) for entry in archive} == {(0, 0, 0o644)}
