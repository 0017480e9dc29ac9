#!/usr/bin/env python3
"""Verifies an audit bundle, on a computer without Authrim and without a network.

    python3 verify_bundle.py --key KEY [--checkpoint FILE] [--proof POSITION] [--json] BUNDLE

It needs Python 3.11 and, to check signatures, the package "cryptography". It is one file that imports nothing of
Authrim, however long it gets: a copy of it leaves with each bundle. It extracts nothing and runs nothing of the
bundle. The format is described in docs/audit/bundles.md. Take this file from a place that you trust: the copy in a
bundle comes from whoever made the bundle.

Exit status: 0 proved, 1 a fault was found, 2 it could not run, 3 no fault was found, but something that proves who
recorded the events, or that you asked for, could not be checked.
"""

import argparse
import base64
import json
import re
import struct
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

FORMAT = "authrim-audit-bundle/1"
MANIFEST, CHECKPOINT = "manifest.json", "checkpoint"
EVENTS, LEDGER, PROOF, SCHEMAS = "events.jsonl", "ledger.jsonl", "proof.json", "schemas.json"
PEOPLE, VERIFIER = "people.jsonl", "verify_bundle.py"
#: The only names that a bundle may have.
NAMES = (EVENTS, LEDGER, PROOF, SCHEMAS, PEOPLE, VERIFIER, MANIFEST, CHECKPOINT)
BLOCK = 512
#: Bytes of a line, and of a member that is read as a whole.
LONGEST_LINE, LARGEST_WHOLE = 16 << 20, 8 << 20
EVENT_FIELDS = ["position", "stream", "version", "type", "payload", "metadata", "recorded_at", "leaf"]
#: How payload and metadata are called where they are no text.
BYTES_FIELDS = ["payload_base64", "metadata_base64"]
WITHHELD_FIELDS = ["position", "recorded_at", "leaf"]
BATCH_FIELDS = ["first_position", "last_position", "recorded_at", "batch_hash", "chain_hash"]

int8 = struct.Struct(">q").pack
encode_line = json.JSONEncoder(separators=(",", ":")).encode


class Fault(Exception):
    """Something is not what was recorded: where (positions, or a file of the bundle), and what."""

    def __init__(self, what: str, first: int | None = None, last: int | None = None, file: str = "") -> None:
        super().__init__(what)
        self.found = {"first_position": first, "last_position": first if last is None else last,
                      "file": file or None, "what": what}  # fmt: skip


class Unusable(Exception):
    """The verification cannot be done: a wrong argument, or a missing package."""


# The archive: an uncompressed tar file in which every byte but the contents is determined by names and sizes.


class Member(NamedTuple):
    """Where the contents of a file of the bundle are."""

    offset: int
    size: int


def tar_header(name: str, size: int) -> bytes:
    """The one header that a file of this name and size has (POSIX ustar): mode 0644, no owner, no time."""
    number = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    header = (name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + number + b"00000000000\0"
              + b" " * 8 + b"0" + bytes(100) + b"ustar\x0000" + bytes(247))  # fmt: skip
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def open_archive(file: BinaryIO) -> dict[str, Member]:
    """The files in the archive. Refuses unknown names, duplicates, links, other headers, and bytes in between."""
    end, found, offset = file.seek(0, 2), dict[str, Member](), 0
    while True:
        file.seek(offset)
        header = file.read(BLOCK)
        if header == bytes(BLOCK):
            break
        if len(header) < BLOCK:
            raise Fault("the archive is cut off")
        name = header[:100].rstrip(b"\0").decode("ascii", "replace")
        field = header[124:136]
        size = int.from_bytes(field[1:], "big") if field[0] == 0x80 else -1
        if re.fullmatch(rb"[0-7]{11}\0", field):
            size = int(field[:11], 8)
        if name not in NAMES or name in found or size < 0 or header != tar_header(name, size):
            raise Fault(f"the archive has an entry that no bundle has, at byte {offset}")
        padding = -size % BLOCK
        whole = offset + BLOCK + size + padding <= end
        if not whole or file.seek(offset + BLOCK + size) < 0 or file.read(padding) != bytes(padding):
            raise Fault("the archive is cut off, or has bytes between its files", file=name)
        found[name] = Member(offset + BLOCK, size)
        offset += BLOCK + size + padding
    if end != offset + 2 * BLOCK or file.read() != bytes(BLOCK):
        raise Fault("the archive does not end where a bundle ends")
    if missing := {EVENTS, PROOF, SCHEMAS, VERIFIER, MANIFEST} - set(found):
        raise Fault("the bundle lacks this file", file=min(missing))
    return found


class Bundle:
    """The files of a bundle, and the digest of each one that was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digests: dict[str, str] = {}
        with path.open("rb") as file:
            self.members = open_archive(file)
        self.manifest = self.json(MANIFEST)
        if not isinstance(self.manifest, dict) or self.manifest.get("format") != FORMAT:
            raise Fault(f"this is not the manifest of a bundle of the format {FORMAT}", file=MANIFEST)

    def whole(self, name: str) -> bytes:
        """All bytes of a small file."""
        member = self.members[name]
        if member.size > LARGEST_WHOLE:
            raise Fault("the file is too large", file=name)
        with self.path.open("rb") as file:
            file.seek(member.offset)
            return file.read(member.size)

    def json(self, name: str) -> Any:
        """A JSON document, in the one form in which a bundle has it."""
        content = self.whole(name)
        value = read_json(content, name)
        if (json.dumps(value, indent=1) + "\n").encode() != content:
            raise Fault("the file is not in the form of a bundle", file=name)
        return value

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file; its digest is known when all were read."""
        digest, left = sha256(), self.members[name].size
        with self.path.open("rb") as file:
            file.seek(self.members[name].offset)
            while left:
                line = file.readline(min(left, LONGEST_LINE))
                if not line.endswith(b"\n"):
                    raise Fault("a line is too long, or not complete", file=name)
                digest.update(line)
                left -= len(line)
                yield line
        self.digests[name] = digest.hexdigest()

    def digest(self, name: str) -> str:
        """The SHA-256 of a file."""
        if name not in self.digests:
            digest, left = sha256(), self.members[name].size
            with self.path.open("rb") as file:
                file.seek(self.members[name].offset)
                while left and (part := file.read(min(left, 1 << 20))):
                    digest.update(part)
                    left -= len(part)
            self.digests[name] = digest.hexdigest()
        return self.digests[name]


def read_json(content: bytes, name: str, place: int | None = None) -> Any:
    """A JSON value; whatever is wrong with it is a fault at the place."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Fault("this is not JSON", place, file=name) from None


# The log: docs/audit/hash-chain.md describes the hashes.


def read_event(line: bytes, expected: int | None, *, with_proof: bool = False) -> dict[str, Any]:
    """An event, or the leaf of one that the bundle withholds. Its leaf is computed again."""
    event = read_json(line, EVENTS, expected)
    position = event.get("position") if isinstance(event, dict) else None
    if type(position) is not int or not 0 < position < 2**63 or position != (expected or position):
        raise Fault("the event is missing, or another one is in its place", expected, file=EVENTS)
    place = position
    names = [name.removesuffix("_base64") if name in BYTES_FIELDS else name for name in event]
    if names not in ([*EVENT_FIELDS, "proof"] if with_proof else EVENT_FIELDS, WITHHELD_FIELDS):
        raise Fault("the event does not have the fields of an event", place, file=EVENTS)
    try:
        written = encode_line(event).encode() + b"\n" == line
        leaf = bytes.fromhex(event["leaf"])
        right = (
            len(leaf) == 32
            and leaf.hex() == event["leaf"]
            and (len(event) == len(WITHHELD_FIELDS) or leaf_of(event) == leaf)
        )
        right = right and type(event["recorded_at"]) is int and type(event.get("version", 0)) is int
        int8(event["recorded_at"])
    except (ValueError, TypeError, AttributeError, struct.error):
        written = right = False
    if not written or not right:
        raise Fault("the event is not the one that was recorded", place, file=EVENTS)
    return dict(event)


def leaf_of(event: dict[str, Any]) -> bytes:
    """SHA-256 over stream, version, type, payload and metadata, each after its length in 8 bytes."""
    fields = (event["stream"].encode(), int8(event["version"]), event["type"].encode(),
              bytes_of(event, "payload"), bytes_of(event, "metadata"))  # fmt: skip
    return sha256(b"".join([part for field in fields for part in (int8(len(field)), field)])).digest()


def bytes_of(event: dict[str, Any], name: str) -> bytes:
    """The stored bytes of a field: text, or base64 where they are no text."""
    if name in event:
        return bytes(event[name].encode())
    return read_base64(event[f"{name}_base64"])


def read_base64(text: str) -> bytes:
    """What is spelled as an encoder spells it: other spellings of a signature would be other files that are proved, too
    (RFC 4648 §3.5). Raises ValueError."""
    value = base64.b64decode(text, validate=True)
    if base64.b64encode(value).decode() != text:
        raise ValueError
    return value


def read_batches(bundle: Bundle, first: int, last: int) -> Iterator[dict[str, Any]]:
    """The ledger rows of the positions first to last. Each begins where the one before ends."""
    end = None
    for line in bundle.lines(LEDGER):
        place = first if end is None else end + 1
        batch = read_json(line, LEDGER, place)
        if (
            not isinstance(batch, dict)
            or list(batch) != BATCH_FIELDS
            or encode_line(batch).encode() + b"\n" != line
        ):
            raise Fault("this is not a ledger row", place, file=LEDGER)
        if any(type(batch[name]) is not int or abs(batch[name]) >= 2**63 for name in BATCH_FIELDS[:3]):
            raise Fault("this is not a ledger row", place, file=LEDGER)
        begins, ends = batch["first_position"], batch["last_position"]
        if begins > ends or (begins != end + 1 if end is not None else not 1 <= begins <= first <= ends):
            raise Fault(f"the ledger goes on at position {begins}", place, file=LEDGER)
        if begins > last:
            raise Fault("the ledger goes on after the last event", begins, ends, file=LEDGER)
        end = ends
        yield batch
    if end is None or end < last:
        raise Fault("the ledger ends before the last event", (end or first - 1) + 1, last, file=LEDGER)


# The Merkle tree: RFC 6962 hashes, RFC 9162 proofs. The event at position p is the leaf of index p - 1.


def leaf_hash(event: dict[str, Any]) -> bytes:
    """The leaf of an event: its hash in the log and its time."""
    return sha256(b"\0" + bytes.fromhex(event["leaf"]) + int8(event["recorded_at"])).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


class Tree:
    """Computes the root over subtrees that are added from left to right, and the inclusion proof of one leaf."""

    def __init__(self, index: int = -1) -> None:
        self.size, self.index = 0, index
        self.path: list[bytes] = []
        self.nodes: list[tuple[int, bytes, bool]] = []  # width, hash, whether the leaf is below it

    def add(self, node: bytes, width: int = 1) -> None:
        """Add a leaf, or a subtree of a power of two leaves."""
        holds = self.size <= self.index < self.size + width
        self.size += width
        while self.nodes and self.nodes[-1][0] == width:
            node, holds = join(self.nodes.pop(), node, holds, self.path)
            width *= 2
        self.nodes.append((width, node, holds))

    def root(self) -> tuple[bytes, list[bytes]]:
        """The root over what was added so far, and the leaf's path to it."""
        if not self.nodes:
            return sha256().digest(), []
        path = self.path.copy()
        _, node, holds = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            node, holds = join(left, node, holds, path)
        return node, path


def join(left: tuple[int, bytes, bool], node: bytes, holds: bool, path: list[bytes]) -> tuple[bytes, bool]:
    """The node above two others. The path of the leaf gets the one that the leaf is not below."""
    if holds or left[2]:
        path.append(left[1] if holds else node)
    return node_hash(left[1], node), holds or left[2]


def widths(start: int, end: int) -> Iterator[int]:
    """The widths of the subtrees that cover the leaves from start up to end, as RFC 6962 splits them."""
    while start < end:
        width = start & -start or 1 << (end - start).bit_length()
        while start + width > end:
            width //= 2
        yield width
        start += width


def root_of_path(index: int, size: int, node: bytes, path: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162 §2.1.3.2); empty when its length is wrong."""
    last = size - 1
    for other in path:
        if last == 0:
            return b""
        if index & 1 or index == last:
            node = node_hash(other, node)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, other)
        index, last = index >> 1, last >> 1
    return node if last == 0 else b""


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: list[bytes]) -> bool:
    """Whether a consistency proof leads from one tree to a larger one (RFC 9162 §2.1.4.2)."""
    if old & (old - 1) == 0:
        path = [old_root, *path]
    if not path or not 0 < old < new:
        return False
    index, last = old - 1, new - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    first = second = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            first, second = node_hash(other, first), node_hash(other, second)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            second = node_hash(second, other)
        index, last = index >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def hashes_of(values: Any) -> list[bytes]:
    """A list of hashes, each in hexadecimal of small letters."""
    if not isinstance(values, list) or not all(
        isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) for value in values
    ):
        raise Fault("these are not hashes", file=PROOF)
    return [bytes.fromhex(value) for value in values]


# Signed notes: https://c2sp.org/signed-note, and the checkpoints in them: https://c2sp.org/tlog-checkpoint.


class Checkpoint(NamedTuple):
    """A signed root of the tree."""

    origin: str
    size: int
    root: bytes
    note: bytes
    file: str


def read_checkpoint(note: bytes, file: str) -> Checkpoint:
    """The checkpoint in a note, whoever signed it."""
    try:
        origin, size, root = note.split(b"\n\n")[0].decode().split("\n")[:3]
        checkpoint = Checkpoint(origin, int(size), read_base64(root), note, file)
        if not re.fullmatch("0|[1-9][0-9]{0,18}", size) or len(checkpoint.root) != 32:
            raise ValueError
    except ValueError:
        raise Fault("this is not a checkpoint", file=file) from None
    return checkpoint


class Key(NamedTuple):
    """A public key, its name, and what its signatures begin with."""

    name: str
    identity: bytes
    public: bytes


def read_key(text: str) -> Key:
    """A key of the form NAME+ID+KEY. Raises ValueError."""
    name, identity, encoded = text.split("+", 2)
    public = read_base64(encoded)
    key = Key(name, sha256(name.encode() + b"\n" + public).digest()[:4], public[1:])
    if public[:1] != b"\1" or len(public) != 33 or key.identity.hex() != identity:
        raise ValueError
    return key


def text_signed_by(note: bytes, key: Key, file: str) -> str:
    """The text of a note, if the key signed it."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise Unusable('signatures need the package "cryptography"') from None
    text, _, signatures = note.rpartition(b"\n\n")
    for line in signatures.splitlines():
        try:
            dash, signer, value = line.decode().split(" ")
            signature = read_base64(value)
            if (dash, signer, signature[:4]) != ("\u2014", key.name, key.identity):
                continue
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature[4:], text + b"\n")
            return text.decode() + "\n"
        except (ValueError, InvalidSignature):
            continue
    raise Fault(f"the key with the id {key.identity.hex()} did not sign this", file=file)


# The verification.

MANIFEST_FIELDS = {
    "format": str, "origin": str, "selection": dict, "first_position": int, "last_position": int, "events": int,
    "tree_size": int, "root": str, "previous_chain_hash": str, "personal_data": bool, "key": str, "files": list,
}  # fmt: skip


class Verification:
    """One run over a bundle: what was checked, what could not be, and the faults, the first one first."""

    def __init__(self, key: Key | None, outside: list[Checkpoint], wanted: int | None) -> None:
        self.key, self.outside, self.wanted = key, outside, wanted
        self.checked: list[str] = []
        self.unchecked: list[str] = []
        self.notes: list[str] = []
        self.faults: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {}
        self.proof: dict[str, Any] | None = None
        self.signer = ""
        #: Whether a key or a checkpoint that was given proves who recorded the events.
        self.anchored = False
        #: What checkpoints say of smaller trees, and the sizes of which that was found to be so.
        self.roots = {checkpoint.size: checkpoint.root for checkpoint in outside}
        self.agreed: set[int] = set()
        self.continued: dict[int, list[bytes]] = {}

    def run(self, path: Path) -> None:
        """Verify the bundle. Each part is checked even when another one has a fault."""
        try:
            bundle = Bundle(path)
            self._read_manifest(bundle)
        except Fault as fault:
            self.faults.append(fault.found)
            return
        for part in (self._check_events, self._check_files, self._check_signature, self._check_outside):
            try:
                part(bundle)
            except Fault as fault:
                self.faults.append(fault.found)
        if not self.anchored:
            own = f"its signer is {json.dumps(self.signer)}" if self.signer else "it is not signed"
            self.unchecked.append(f"who recorded the events: give the log's --key, or a --checkpoint; {own}")
        elif self.key is None:
            self.notes.append("no key was given: only the events are proved, by the checkpoint")
        if self.wanted is not None and self.proof is None:
            self.unchecked.append(f"position {self.wanted}: the bundle does not have it, or it is not proved")

    @property
    def result(self) -> str:
        """``fault``, ``proved``, or ``unproved`` when something decisive could not be checked."""
        if self.faults:
            return "fault"
        return "unproved" if self.unchecked else "proved"

    def _read_manifest(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        kinds = {name: type(value) for name, value in manifest.items()}
        if (
            kinds != MANIFEST_FIELDS
            or not 0 < manifest["first_position"] <= manifest["last_position"] < 2**63
        ):
            raise Fault("this is not a manifest", file=MANIFEST)
        if not manifest["last_position"] <= manifest["tree_size"] < 2**63:
            raise Fault("the tree is smaller than the part of the log", file=MANIFEST)
        if manifest["selection"].get("kind") not in ("range", "grant"):
            raise Fault("this is not a manifest", file=MANIFEST)
        if (LEDGER in bundle.members) != (manifest["selection"]["kind"] == "range"):
            raise Fault("a part of the log has a ledger, a grant has none", file=MANIFEST)
        if (PEOPLE in bundle.members) != manifest["personal_data"]:
            raise Fault("the manifest does not say whether there is personal data", file=MANIFEST)
        self.root = hashes_of([manifest["root"]])[0]
        names = ("origin", "first_position", "last_position", "events", "tree_size", "root", "personal_data")
        self.facts = {name: manifest[name] for name in names}

    def _check_events(self, bundle: Bundle) -> None:
        proof = bundle.json(PROOF)
        if not isinstance(proof, dict) or list(proof) != ["left", "right", "consistency"]:
            raise Fault("this is not the proof of a bundle", file=PROOF)
        for entry in proof["consistency"] if isinstance(proof["consistency"], list) else [None]:
            if (
                not isinstance(entry, dict)
                or list(entry) != ["size", "hashes"]
                or type(entry["size"]) is not int
            ):
                raise Fault("this is not a consistency proof", file=PROOF)
            self.continued[entry["size"]] = hashes_of(entry["hashes"])
        of_grant = bundle.manifest["selection"]["kind"] == "grant"
        count = self._walk_grant(bundle) if of_grant else self._walk_range(bundle, proof)
        if count != bundle.manifest["events"]:
            raise Fault("the manifest tells another number of events", file=MANIFEST)

    def _walk_range(self, bundle: Bundle, proof: dict[str, Any]) -> int:
        """Walk the ledger and the events together, and compute the chain and the tree over them."""
        first, last = bundle.manifest["first_position"], bundle.manifest["last_position"]
        chain = hashes_of([bundle.manifest["previous_chain_hash"]])[0]
        tree = Tree(-1 if self.wanted is None else self.wanted - 1)
        lines, shown, start = bundle.lines(EVENTS), None, 0
        for batch in read_batches(bundle, first, last):
            begin, end, time = batch["first_position"], batch["last_position"], batch["recorded_at"]
            if not start:
                start = begin
                self._add_all(tree, proof["left"], begin - 1)
                if begin == 1 and chain != bytes(32):
                    raise Fault("the chain does not begin with zeros", file=MANIFEST)
            leaves = sha256()
            for position in range(begin, end + 1):
                event = read_event(next(lines, b"null\n"), position)
                if ("type" in event) != (first <= position <= last):
                    raise Fault("the event is withheld, or should be", position, file=EVENTS)
                if event["recorded_at"] != time:
                    raise Fault("the event's time is not the time of its batch", position, file=EVENTS)
                leaves.update(bytes.fromhex(event["leaf"]))
                tree.add(leaf_hash(event))
                if position in self.roots:
                    self._compare(tree, position)
                if position == self.wanted and "type" in event:
                    shown = event
            if leaves.hexdigest() != batch["batch_hash"]:
                raise Fault(
                    "the events of the batch are not those of its ledger row", begin, end, file=EVENTS
                )
            chain = sha256(chain + leaves.digest() + int8(begin) + int8(end) + int8(time)).digest()
            if chain.hex() != batch["chain_hash"]:
                raise Fault("the ledger row is not the one that was chained", begin, end, file=LEDGER)
        if next(lines, None) is not None:
            raise Fault("there are events after the last one", end + 1, file=EVENTS)
        self.facts["chain_hash"] = chain.hex()
        self.checked.append("the events give their hashes, and these the ledger and its chain")
        self._add_all(tree, proof["right"], bundle.manifest["tree_size"])
        root, path = tree.root()
        if root != self.root:
            known = max((size for size in self.agreed if size >= start), default=start - 1)
            raise Fault("the events are not those of the tree", known + 1, end)
        self.checked.append("the events are those of the tree")
        if shown is not None:
            self._show(shown, path)
        return int(last - first + 1)

    def _add_all(self, tree: Tree, hashes: Any, size: int) -> None:
        """Add subtrees that the bundle has only the hashes of."""
        whole, nodes = list(widths(tree.size, size)), hashes_of(hashes)
        if len(whole) != len(nodes):
            raise Fault("the proof has another number of hashes", file=PROOF)
        for width, node in zip(whole, nodes, strict=True):
            tree.add(node, width)
            if tree.size in self.roots:
                self._compare(tree, tree.size)

    def _compare(self, tree: Tree, size: int) -> None:
        if tree.root()[0] != self.roots[size]:
            known = max((smaller for smaller in self.agreed if smaller < size), default=0)
            raise Fault("the events are not those of the checkpoint that was given", known + 1, size)
        self.agreed.add(size)

    def _walk_grant(self, bundle: Bundle) -> int:
        """Check each event with an inclusion proof of its own, and that no stream has a gap."""
        size, streams = bundle.manifest["tree_size"], bundle.manifest["selection"].get("streams")
        versions: dict[str, int] = {}
        count = before = 0
        for line in bundle.lines(EVENTS):
            event = read_event(line, None, with_proof=True)
            position = event["position"]
            if not before < position <= bundle.manifest["last_position"] or "type" not in event:
                raise Fault("the event is not at its place", position, file=EVENTS)
            if event["version"] != versions.get(event["stream"], 0) + 1:
                raise Fault("an event before this one is missing in its stream", position, file=EVENTS)
            path = hashes_of(event["proof"])
            if root_of_path(position - 1, size, leaf_hash(event), path) != self.root:
                raise Fault("the event is not in the tree", position, file=EVENTS)
            versions[event["stream"]], before, count = event["version"], position, count + 1
            if position == self.wanted:
                self._show(event, path)
        if sorted(versions) != streams:
            raise Fault("the events are not those of the streams in the manifest", file=MANIFEST)
        self.checked.append("each event gives its hash, and is in the tree; no stream has a gap")
        return count

    def _show(self, event: dict[str, Any], path: list[bytes]) -> None:
        entry = bytes.fromhex(event["leaf"]) + int8(event["recorded_at"])
        self.proof = {
            "index": event["position"] - 1, "tree_size": self.facts["tree_size"], "root": self.facts["root"],
            "entry": entry.hex(), "leaf_hash": leaf_hash(event).hex(), "path": [node.hex() for node in path],
            "event": {name: value for name, value in event.items() if name != "proof"},
        }  # fmt: skip

    def _check_files(self, bundle: Bundle) -> None:
        names = [name for name in bundle.members if name not in (MANIFEST, CHECKPOINT)]
        told = bundle.manifest["files"]
        if [entry.get("name") if isinstance(entry, dict) else None for entry in told] != names:
            raise Fault("the manifest tells other files", file=MANIFEST)
        for name, entry in zip(names, told, strict=True):
            if entry != {"name": name, "size": bundle.members[name].size, "sha256": bundle.digest(name)}:
                raise Fault("the file is not the one of the manifest", file=name)
        self.checked.append("every file is the one of the manifest")
        if bundle.whole(VERIFIER) != Path(__file__).read_bytes():
            self.notes.append("the copy of this program in the bundle is not this program")
        if PEOPLE in names:
            self.notes.append(
                "what is said of people is as it was when the bundle was made; the log does not prove it"
            )

    def _check_signature(self, bundle: Bundle) -> None:
        """The checkpoint, by the key that was given, or else by the bundle's own. An extension line of it has the
        digest of the manifest, so its signature covers every file."""
        self.signer = own = bundle.manifest["key"]
        if CHECKPOINT not in bundle.members:
            if self.key or own:
                raise Fault("the bundle is not signed", file=CHECKPOINT)
            return
        try:
            key = self.key or read_key(own)
        except ValueError:
            raise Fault("the manifest has no public key", file=MANIFEST) from None
        lines = text_signed_by(bundle.whole(CHECKPOINT), key, CHECKPOINT).split("\n")
        checkpoint = read_checkpoint(bundle.whole(CHECKPOINT), CHECKPOINT)
        told = (bundle.manifest["origin"], bundle.manifest["tree_size"], self.root)
        if (checkpoint.origin, checkpoint.size, checkpoint.root) != told:
            raise Fault("the checkpoint is not of this tree", file=CHECKPOINT)
        if lines[3:] != [f"bundle {bundle.digest(MANIFEST)}", ""]:
            raise Fault("the manifest is not the one that was signed", file=MANIFEST)
        if self.key:
            self.anchored = True
            self.checked.append("the key that you gave signed the checkpoint, and with it the manifest")

    def _check_outside(self, bundle: Bundle) -> None:
        """The checkpoints that were given: the bundle's tree must be the same one, or its continuation."""
        size, last = bundle.manifest["tree_size"], bundle.manifest["last_position"]
        for known in self.outside:
            if self.key:
                text_signed_by(known.note, self.key, known.file)
            if known.origin != bundle.manifest["origin"]:
                raise Fault("the checkpoint is of another log", file=known.file)
            if known.root != self.roots[known.size]:
                raise Fault(
                    "two checkpoints that were given are of different logs", 1, known.size, known.file
                )
            if known.size == size:
                same = known.root == self.root
            elif known.size > size:
                self.unchecked.append(f"the checkpoint of {known.size}: export with --tree-size {known.size}")
                continue
            elif known.size in self.agreed:
                same = True
            elif known.size in self.continued:
                path = self.continued[known.size]
                same = is_consistent(known.size, known.root, size, self.root, path)
            else:
                self.unchecked.append(
                    f"the checkpoint of {known.size}: export with --consistent-with {known.size}"
                )
                continue
            if not same:
                raise Fault("the tree does not continue that of the checkpoint", 1, known.size, known.file)
            self.anchored |= known.size >= last
            self.checked.append(f"the tree is that of your checkpoint of {known.size}, or continues it")
        if not self.outside:
            self.notes.append("no checkpoint was given: whether others were shown the same log is not known")


def main() -> int:
    """Verify the bundle that the arguments name; the exit status."""
    parser = argparse.ArgumentParser(
        description="Verify an audit bundle without Authrim and without a network."
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", default="", help="the log's public key, NAME+ID+KEY, or a file that has it")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[],
                        help="a checkpoint that you got elsewhere; may be repeated")  # fmt: skip
    parser.add_argument(
        "--proof", type=int, metavar="POSITION", help="print this event and its inclusion proof"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    try:
        text = options.key
        if text and Path(text).is_file():
            text = Path(text).read_text().strip()
        try:
            key = read_key(text) if text else None
        except ValueError:
            raise Unusable("the key is not of the form NAME+ID+KEY") from None
        outside = [read_checkpoint(path.read_bytes(), str(path)) for path in options.checkpoint]
        verification = Verification(key, outside, options.proof)
        verification.run(options.bundle)
    except (Unusable, OSError, Fault) as problem:
        print(f"Not verified: {problem}", file=sys.stderr)
        return 2
    report = {"result": verification.result, **verification.facts, "checked": verification.checked,
              "not_checked": verification.unchecked, "notes": verification.notes, "faults": verification.faults,
              "proof": verification.proof}  # fmt: skip
    print(json.dumps(report) if options.json else in_words(report))
    return {"proved": 0, "fault": 1, "unproved": 3}[verification.result]


def in_words(report: dict[str, Any]) -> str:
    """The report for people. Everything from the bundle is printed as JSON, so it cannot steer a terminal."""
    lines = [f"{name}: {json.dumps(report[name])}" for name in ("origin", "first_position", "last_position",
             "events", "tree_size", "root", "chain_hash", "personal_data") if name in report]  # fmt: skip
    lines += [f"checked: {text}" for text in report["checked"]]
    lines += [f"NOT CHECKED: {text}" for text in report["not_checked"]]
    lines += [f"note: {text}" for text in report["notes"]]
    for fault in report["faults"]:
        first, last = fault["first_position"], fault["last_position"]
        where = (
            []
            if first is None
            else [f"position {first}" if first == last else f"positions {first} to {last}"]
        )
        where += [fault["file"]] if fault["file"] else []
        lines.append(f"FAULT at {', '.join(where) or 'the bundle'}: {fault['what']}")
    if report["proof"] is not None:
        lines.append(f"proof: {json.dumps(report['proof'], indent=1)}")
    lines.append({"proved": "PROVED", "fault": "NOT AUTHENTIC", "unproved": "NO FAULT FOUND, BUT NOT PROVED"}[
        report["result"]])  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
