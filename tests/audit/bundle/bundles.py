"""Bundles for tests: a signer, exports into memory, and archives taken apart and put together again."""

import io
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authrim.audit.bundle import verify_bundle
from authrim.audit.bundle.archive import Archive
from authrim.audit.bundle.export import Wanted, export_grant, export_range
from authrim.audit.bundle.selection import select_grant
from authrim.audit.bundle.verify_bundle import Checkpoint, Verification, read_checkpoint, read_key
from authrim.crypto.signed_note import ED25519, NoteKey, sign_note
from authrim.store.read_back import ReadBack
from domain.tree import checkpoint as heads
from domain.tree.hashing import event_hash, node_hash

ORIGIN = "login.example.com"


class TestSigner:
    """Signs as the log does, with a key of the test's own."""

    __test__ = False

    def __init__(self, seed: bytes = b"k" * 32) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = NoteKey(ORIGIN, ED25519, self._private.public_key().public_bytes_raw()).encoded()

    def sign(self, text: str) -> bytes:
        return sign_note(text, ORIGIN, self._private).encoded().encode()

    def checkpoint(self, size: int, root: bytes) -> Checkpoint:
        """A checkpoint that an auditor kept."""
        return read_checkpoint(self.sign(heads.Checkpoint(ORIGIN, size, root).text()), f"checkpoint-{size}")


SIGNER = TestSigner()


def silent(_done: int, _whole: int) -> None:
    pass


async def range_bundle(
    store: ReadBack, first: int, last: int, *, size: int = 0, older: tuple[int, ...] = (), signed: bool = True
) -> bytes:
    """The bundle of some positions."""
    file = io.BytesIO()
    wanted = Wanted(ORIGIN, size, older, SIGNER if signed else None)
    await export_range(store, file, first, last, wanted, silent)
    return file.getvalue()


async def grant_bundle(store: ReadBack, grant: str, *, size: int = 0, older: tuple[int, ...] = ()) -> bytes:
    """The bundle of a grant."""
    selection = await select_grant(store, "default", grant, None, (await store.head()).position)
    assert selection is not None
    file = io.BytesIO()
    await export_grant(store, file, selection, Wanted(ORIGIN, size, older, SIGNER))
    return file.getvalue()


async def leaves_of(store: ReadBack) -> list[bytes]:
    """The leaves of the tree over the whole log."""
    events = await store.read_log(0, 100_000)
    return [event_hash(event.leaf, event.recorded_at) for event in events]


def root_over(leaves: list[bytes]) -> bytes:
    """The root, by the words of RFC 6962 §2.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(root_over(leaves[:split]), root_over(leaves[split:]))


def verified(
    bundle: bytes, folder: Path, key: str = SIGNER.key, outside: tuple[Checkpoint, ...] = (), proof: int | None = None
) -> Verification:  # fmt: skip
    """What the verifier says of a bundle."""
    path = folder / "bundle.tar"
    path.write_bytes(bundle)
    verification = Verification(read_key(key) if key else None, list(outside), proof)
    verification.run(path)
    return verification


def files_of(bundle: bytes) -> dict[str, bytes]:
    """The files of a bundle, in its order."""
    members = verify_bundle.open_archive(io.BytesIO(bundle))
    return {name: bundle[member.offset :][: member.size] for name, member in members.items()}


def bundle_of(files: Mapping[str, bytes]) -> bytes:
    """A bundle of these files, as if they were its own."""
    file = io.BytesIO()
    archive = Archive(file)
    for name, content in files.items():
        archive.add(name, content)
    archive.end()
    return file.getvalue()


def retold(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files with a manifest that fits them: whoever changes a bundle can do that, but cannot sign it."""
    manifest = json.loads(files["manifest.json"])
    for entry in manifest["files"]:
        content = files[entry["name"]]
        entry.update(size=len(content), sha256=sha256(content).hexdigest())
    return files | {"manifest.json": (json.dumps(manifest, indent=1) + "\n").encode()}


def lines_of(content: bytes) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in content.splitlines()]


def text_of(lines: list[dict[str, Any]]) -> bytes:
    """JSON lines in the form of a bundle."""
    return b"".join(verify_bundle.encode_line(line).encode() + b"\n" for line in lines)
