"""Witnesses that answer nonsense, and what they are asked (C2SP tlog-witness, A275)."""

from collections.abc import Callable, Mapping

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from authrim.crypto.signed_note import COSIGNATURE, NoteKey, Signature
from authrim.store.read_back import ReadBack
from authrim.transparency.background import checkpoints_of
from authrim.transparency.rollback import Rollback, find_rollback
from tests.store.log_samples import write_grant
from tests.support.https_site import Authority, Site
from tests.support.running import running_server

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = NoteKey("witness.example/w1", COSIGNATURE, PRIVATE.public_key().public_bytes_raw())


def cosignature(text: str, key: NoteKey = KEY) -> str:
    message = f"cosignature/v1\ntime 1700000000\n{text}".encode()
    return Signature(key.name, key.key_id, (1_700_000_000).to_bytes(8, "big") + PRIVATE.sign(message)).line()


#: By what is wrong: the status, the media type and the body of the answer to the signed text.
NONSENSE: Mapping[str, Callable[[str], tuple[int, str, bytes]]] = {
    "no signature": lambda _text: (200, "text/plain", b"thank you\n"),
    "nothing": lambda _text: (200, "text/plain", b""),
    "not UTF-8": lambda _text: (200, "text/plain", b"\xff\xfe\n"),
    "of another text": lambda text: (200, "text/plain", cosignature(text + "more\n").encode()),
    "under another name": lambda text: (
        200,
        "text/plain",
        cosignature(text, KEY._replace(name="x")).encode(),
    ),
    "far too long": lambda text: (200, "text/plain", cosignature(text).encode() * 1000),
    "a redirect": lambda _text: (302, "text/plain", b""),
    "the size that it was asked with": lambda _text: (409, "text/x.tlog.size", b"0\n"),
    "a size in another type": lambda _text: (409, "text/plain", b"99\n"),
    "no number": lambda _text: (409, "text/x.tlog.size", b"-1\n"),
    "an error": lambda _text: (500, "text/plain", b"oh"),
}


def answering(site: Site, answer: Callable[[str], tuple[int, str, bytes]]) -> list[str]:
    """Let the site be a witness that answers so; the bodies that it was sent."""
    sent: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        body = (await request.read()).decode()
        sent.append(body)
        text = body.partition("\n\n")[2].rpartition("\n\n")[0] + "\n"
        status, content_type, answered = answer(text)
        return web.Response(status=status, content_type=content_type, body=answered)

    site.answers["/w/add-checkpoint"] = handle
    return sent


@pytest.mark.parametrize("what", NONSENSE)
@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_nonsense(store: ReadBack, site: Site, authority: Authority, what: str) -> None:
    """A275: whatever a witness answers but its own cosignature of this text counts as none, and keeps nobody from
    signing or starting."""
    answering(site, NONSENSE[what])
    setting = f"{KEY.encoded()} {site.url('/w/')}"
    outside = {"egress_allow": ("localhost",), "egress_ca_file": authority.ca_file}
    async with running_server(store, witnesses=(setting,), **outside) as server:
        checkpoints = checkpoints_of(server.core)
        with capture_logs() as lines:
            signed = await checkpoints.sign()
        assert signed is not None
        assert signed.cosignatures == 0
        assert "cosignature/v1" not in signed.note
        assert any(line["event"].startswith("witness.") for line in lines)
        assert await find_rollback(store, checkpoints) is None


async def test_what_a_witness_is_asked(store: ReadBack, site: Site, authority: Authority) -> None:
    """A witness is asked in the form of add-checkpoint: old size, proof, checkpoint. Its cosignature is in the note."""
    sizes = iter(["", "2", ""])

    def answer(text: str) -> tuple[int, str, bytes]:
        size = next(sizes, "")
        return (
            (409, "text/x.tlog.size", f"{size}\n".encode())
            if size
            else (200, "text/plain", cosignature(text).encode())
        )

    sent = answering(site, answer)
    setting = f"{KEY.encoded()} {site.url('/w')}"
    outside = {"egress_allow": ("localhost",), "egress_ca_file": authority.ca_file}
    async with running_server(store, witnesses=(setting,), **outside) as server:
        checkpoints = checkpoints_of(server.core)
        first = await checkpoints.sign()
        assert first is not None
        assert first.cosignatures == 1
        assert cosignature(first.note.rpartition("\n\n")[0] + "\n") in first.note
        await write_grant(store, "one")
        second = await checkpoints.sign()
        assert second is not None
        assert second.cosignatures == 1
    assert [body.partition("\n")[0] for body in sent] == ["old 0", "old 0", "old 2"]
    head, _, note = sent[0].partition("\n\n")
    assert (head, note.startswith("localhost:")) == ("old 0", True)
    assert all(len(line) == 44 for line in sent[2].partition("\n\n")[0].split("\n")[1:])


async def test_a_witness_that_is_ahead(store: ReadBack, site: Site, authority: Authority) -> None:
    """A231: a witness that has a longer log of this name keeps the server from starting."""
    answering(site, lambda _text: (409, "text/x.tlog.size", b"99999\n"))
    setting = f"{KEY.encoded()} {site.url('/w')}"
    outside = {"egress_allow": ("localhost",), "egress_ca_file": authority.ca_file}
    async with running_server(store, witnesses=(setting,), **outside) as server:
        assert await find_rollback(store, checkpoints_of(server.core)) == Rollback(KEY.name, 99999)
