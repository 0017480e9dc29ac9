"""C2SP signed-note: a text with signatures under it, of the log itself and of witnesses.

Two types of signature are known: Ed25519 over the text, and the cosignature of a witness (C2SP tlog-cosignature), which
also says when it was made.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, Literal, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Kind = Literal[1, 4]
ED25519: Final = 1
COSIGNATURE: Final = 4

#: A checkpoint with its signatures is far shorter; sixteen signatures must be accepted.
LONGEST_NOTE: Final = 65_536
MOST_SIGNATURES: Final = 64
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_PREFIX: Final = "— "


class BrokenNote(ValueError):
    """The bytes are no signed note, or a signature by a known key does not verify."""


class NoteKey(NamedTuple):
    """A public key with the name that it signs under."""

    name: str
    kind: Kind
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that its signatures begin with."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def encoded(self) -> str:
        """The verifier key as text: ``<name>+<key id>+<base64 of type and key>``."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(bytes([self.kind]) + self.public)}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether a signature, without its key id, is one over ``text`` by this key."""
        message = text.encode()
        if self.kind == COSIGNATURE:
            time = cosigned_at(signature)
            message = f"cosignature/v1\ntime {time}\n".encode() + message
            signature = signature[8:]
        if len(signature) != _SIGNATURE_BYTES:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signature(NamedTuple):
    """One line under a note. ``signature`` is without the key id."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """The line as it stands under a note."""
        return f"{_PREFIX}{self.name} {_b64(self.key_id + self.signature)}\n"


class SignedNote(NamedTuple):
    """A text, which ends with a newline, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    def encoded(self) -> str:
        """The whole note."""
        return self.text + "\n" + "".join(signature.line() for signature in self.signatures)


def is_key_name(name: str) -> bool:
    """Whether a key may have this name."""
    return bool(name) and name.isprintable() and "+" not in name and not any(c.isspace() for c in name)


def read_note_key(text: str) -> NoteKey | None:
    """The key of a verifier key's text, None when it is none of a known type."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    material = _read_b64(encoded)
    if not is_key_name(name) or material is None or len(material) != 1 + _KEY_BYTES:
        return None
    kind = material[0]
    if kind not in (ED25519, COSIGNATURE):
        return None
    key = NoteKey(name, ED25519 if kind == ED25519 else COSIGNATURE, material[1:])
    return key if key.key_id.hex() == key_id else None


def read_note(note: str) -> SignedNote:
    """Split a note into its text and signatures; none is verified. Raises BrokenNote."""
    if len(note) > LONGEST_NOTE or any(c < " " and c != "\n" for c in note):
        raise BrokenNote("too long, or with control characters")
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise BrokenNote("no signatures under the text")
    return SignedNote(text + "\n", read_signatures(lines))


def read_signatures(lines: str) -> tuple[Signature, ...]:
    """Signature lines, as they stand under a note and in the answer of a witness. Raises BrokenNote."""
    if not lines.endswith("\n") or lines.count("\n") > MOST_SIGNATURES:
        raise BrokenNote("no signature lines, or too many")
    return tuple(_read_signature(line) for line in lines[:-1].split("\n"))


def verified(note: SignedNote, keys: Iterable[NoteKey]) -> tuple[NoteKey, ...]:
    """The keys that signed, in the order of the signatures. Unknown ones are passed over. Raises BrokenNote when the
    signature of a known key does not verify, or no known key signed."""
    known = {(key.name, key.key_id): key for key in keys}
    found: dict[NoteKey, None] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.verifies(note.text, signature.signature):
            raise BrokenNote(f"the signature of {key.name} does not verify")
        found[key] = None
    if not found:
        raise BrokenNote("no known key signed it")
    return tuple(found)


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> SignedNote:
    """A note that this key signed."""
    public = NoteKey(name, ED25519, key.public_key().public_bytes_raw())
    return SignedNote(text, (Signature(name, public.key_id, key.sign(text.encode())),))


def cosigned_at(signature: bytes) -> int:
    """When a witness made its cosignature, in seconds."""
    return int.from_bytes(signature[:8], "big")


def _read_signature(line: str) -> Signature:
    name, gap, encoded = line.removeprefix(_PREFIX).partition(" ")
    signature = _read_b64(encoded)
    if (
        not line.startswith(_PREFIX)
        or not gap
        or not is_key_name(name)
        or not signature
        or len(signature) < 5
    ):
        raise BrokenNote("a signature line is malformed")
    return Signature(name, signature[:4], signature[4:])


def _b64(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _read_b64(text: str) -> bytes | None:
    try:
        value = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if _b64(value) == text else None
