"""The text of a checkpoint (C2SP tlog-checkpoint)."""

from base64 import b64encode
from hashlib import sha256

import pytest

from domain.tree.checkpoint import Checkpoint, read_checkpoint

ROOT = sha256(b"root").digest()
ENCODED = b64encode(ROOT).decode()


def test_text() -> None:
    """A checkpoint is three lines: origin, size and root."""
    checkpoint = Checkpoint("example.com/log", 20852163, ROOT)
    assert checkpoint.text() == f"example.com/log\n20852163\n{ENCODED}\n"
    assert read_checkpoint(checkpoint.text()) == checkpoint


def test_extension_lines() -> None:
    """Lines behind the root are passed over."""
    assert read_checkpoint(f"example.com/log\n0\n{ENCODED}\nmore\n") == Checkpoint("example.com/log", 0, ROOT)


@pytest.mark.parametrize(
    "text",
    [
        "", f"log\n1\n{ENCODED}", f"log\n1\n\n{ENCODED}\n", f"\n1\n{ENCODED}\n", f"log\n01\n{ENCODED}\n",
        f"log\n-1\n{ENCODED}\n", f"log\n１\n{ENCODED}\n", f"log\n1\n{ENCODED[:-1]}\n", "log\n1\nYQ==\n",
        f"log\n{'9' * 40}\n{ENCODED}\n",
    ],
)  # fmt: skip
def test_broken_texts(text: str) -> None:
    """Anything else is no checkpoint."""
    assert read_checkpoint(text) is None
