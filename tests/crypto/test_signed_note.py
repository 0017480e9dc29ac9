"""C2SP signed notes: signatures of a log and cosignatures of witnesses."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authrim.crypto.signed_note import (
    COSIGNATURE,
    BrokenNote,
    NoteKey,
    Signature,
    SignedNote,
    read_note,
    read_note_key,
    sign_note,
    verified,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
TEXT = "example.com/log\n3\nroot\n"
LOG = NoteKey("example.com/log", 1, PUBLIC)
WITNESS = NoteKey("witness.example/w1", COSIGNATURE, PUBLIC)


def cosigned(text: str, time: int) -> Signature:
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    return Signature(WITNESS.name, WITNESS.key_id, time.to_bytes(8, "big") + KEY.sign(message))


# What golang.org/x/mod/sumdb/note makes of PeterNeumann's key, from that package's documentation.
PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_published_note() -> None:
    """The note in the documentation of golang.org/x/mod/sumdb/note verifies."""
    key = read_note_key(PUBLISHED_KEY)
    assert key is not None
    assert key.encoded() == PUBLISHED_KEY
    note = read_note(PUBLISHED_NOTE)
    assert verified(note, [key]) == (key,)
    assert note.encoded() == PUBLISHED_NOTE


def test_both_kinds() -> None:
    """The log's own signature and a witness's cosignature are verified, and a stranger's is passed over."""
    own = sign_note(TEXT, LOG.name, KEY)
    stranger = Signature("example.org/other", b"abcd", b"x" * 64)
    note = SignedNote(TEXT, (*own.signatures, stranger, cosigned(TEXT, 1_700_000_000)))
    assert verified(read_note(note.encoded()), [LOG, WITNESS]) == (LOG, WITNESS)
    assert read_note_key(WITNESS.encoded()) == WITNESS


def test_a_changed_text() -> None:
    """A228: a note whose text was changed is refused, also when only a cosignature tells."""
    own = sign_note(TEXT, LOG.name, KEY)
    with pytest.raises(BrokenNote):
        verified(SignedNote(TEXT.replace("3", "4"), own.signatures), [LOG])
    later = Signature(WITNESS.name, WITNESS.key_id, (9).to_bytes(8, "big") + cosigned(TEXT, 8).signature[8:])
    with pytest.raises(BrokenNote):
        verified(SignedNote(TEXT, (*own.signatures, later)), [LOG, WITNESS])


def test_no_known_key() -> None:
    """A note that no known key signed is refused."""
    with pytest.raises(BrokenNote):
        verified(sign_note(TEXT, LOG.name, KEY), [WITNESS])


@pytest.mark.parametrize(
    "note",
    [
        "", "text\n", "text\n\n", "text\n\n— name", "text\n\n- name AAAAAAA=\n", "text\n\n— na+me AAAAAAA=\n",
        "text\n\n— name AAAA\n", "te\x00xt\n\n— name AAAAAAA=\n", "te\rxt\n\n— name AAAAAAA=\n",
        "text\n\n— name !AAAAAA=\n", "text\n\n— name AAAAAAB=\n", "text\n\n" + "— name AAAAAAA=\n" * 65,
        "x" * 70_000 + "\n\n— name AAAAAAA=\n",
    ],
)  # fmt: skip
def test_malformed_notes(note: str) -> None:
    """Bytes that are no signed note are refused."""
    with pytest.raises(BrokenNote):
        read_note(note)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+c74f20a3",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "a b+c74f20a3+ARpc",
    ],
)
def test_malformed_keys(text: str) -> None:
    """A verifier key whose id is not its own, or that is malformed, is none."""
    assert read_note_key(text) is None
