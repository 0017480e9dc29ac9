"""The text of a checkpoint: whose log it is, how many entries it has, and the root over them (C2SP tlog-checkpoint)."""

import binascii
from base64 import b64decode, b64encode
from typing import NamedTuple

from domain.tree.hashing import HASH_BYTES

_LONGEST_SIZE = 19


class Checkpoint(NamedTuple):
    """A tree head. ``size`` is also the position of the newest event in it."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode('ascii')}\n"


def read_checkpoint(text: str) -> Checkpoint | None:
    """The tree head of a text, None when it is not one. Extension lines are passed over."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        return None
    size, root = read_size(lines[1]), read_hash(lines[2])
    return None if size is None or root is None else Checkpoint(lines[0], size, root)


def read_size(text: str) -> int | None:
    """How many entries a log has, from its decimal digits; None when it is not spelled as a checkpoint spells it."""
    if len(text) > _LONGEST_SIZE or not text.isascii() or not text.isdigit() or text != str(int(text)):
        return None
    return int(text)


def read_hash(text: str) -> bytes | None:
    """A hash from its base64 (RFC 4648 §4), None when it is not spelled as an encoder spells it."""
    try:
        hash_ = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return hash_ if len(hash_) == HASH_BYTES and b64encode(hash_).decode("ascii") == text else None
