"""Witnesses that answer nonsense, and what they are asked (C2SP tlog-witness, A275)."""

import json
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from authrim.crypto.signed_note import COSIGNATURE, NoteKey, Signature, sign_note
from authrim.server.rollback import StartRefused, refuse_rollback
from authrim.store.read_back import ReadBack
from authrim.transparency.background import checkpoints_of
from authrim.transparency.checkpoints import THE_LOG
from authrim.transparency.rollback import Rollback, find_rollback
from domain.tree.checkpoint import Checkpoint
from tests.store.log_samples import write_grant
from tests.support.https_site import Authority, Site
from tests.support.running import running_server
from tests.transparency.installation import alter_a_leaf

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
    "more digits than a size has": lambda _text: (409, "text/x.tlog.size", b"9" * 40 + b"\n"),
    "a size with a zero before it": lambda _text: (409, "text/x.tlog.size", b"099999\n"),
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


async def test_all_that_is_known_is_accepted_together(
    store: ReadBack, site: Site, authority: Authority, tmp_path: Path
) -> None:
    """F35, A231: one acceptance is for the state file and each witness. It is recorded for each, and none of them is
    asked about at the next start."""
    answering(site, lambda _text: (409, "text/x.tlog.size", b"99999\n"))
    state = tmp_path / "state"
    state.write_text(sign_note(Checkpoint("elsewhere", 7, bytes(32)).text(), "elsewhere", PRIVATE).encoded())
    outside = {"egress_allow": ("localhost",), "egress_ca_file": authority.ca_file}
    witnesses = (f"{KEY.encoded()} {site.url('/w')}",)
    async with running_server(store, witnesses=witnesses, checkpoint_state_file=state, **outside) as server:
        settings = server.core.settings
        await refuse_rollback(settings, store, "ticket 4711")
        await refuse_rollback(settings, store, None)
        events = await store.read_log(0, 1000)
    recorded = [json.loads(one.payload) for one in events if one.type == "log.rollback_accepted.v1"]
    assert [(one["known_by"], one["lost_size"]) for one in recorded] == [("state_file", 7), (KEY.name, 99999)]


async def test_a_witness_that_always_has_more(store: ReadBack, site: Site, authority: Authority) -> None:
    """A275: a witness that claims another size each time is not accepted over and over."""
    sizes = count(50_000)
    answering(site, lambda _text: (409, "text/x.tlog.size", f"{next(sizes)}\n".encode()))
    outside = {"egress_allow": ("localhost",), "egress_ca_file": authority.ca_file}
    async with running_server(store, witnesses=(f"{KEY.encoded()} {site.url('/w')}",), **outside) as server:
        with pytest.raises(StartRefused, match="checkpoint of 50001 events"):
            await refuse_rollback(server.core.settings, store, "ticket 4711")


async def test_a_witness_that_another_process_told_more(
    store: ReadBack, site: Site, authority: Authority
) -> None:
    """F18: a witness is ahead of a log that starts when a running process submits meanwhile: it is asked again."""

    async def handle(request: web.Request) -> web.StreamResponse:
        text = (await request.text()).partition("\n\n")[2].rpartition("\n\n")[0] + "\n"
        if not sent:
            sent.append(text)
            await write_grant(store, "meanwhile")
            size = (await store.head()).position
            return web.Response(status=409, content_type="text/x.tlog.size", text=f"{size}\n")
        return web.Response(text=cosignature(text))

    sent: list[str] = []
    site.answers["/w/add-checkpoint"] = handle
    outside = {"egress_allow": ("localhost",), "egress_ca_file": authority.ca_file}
    async with running_server(store, witnesses=(f"{KEY.encoded()} {site.url('/w')}",), **outside) as server:
        assert await find_rollback(store, checkpoints_of(server.core)) is None
    assert sent


async def test_no_witness_gets_a_log_that_contradicts_itself(
    store: ReadBack, store_place: Path | str, site: Site, authority: Authority
) -> None:
    """F34: a log that does not continue its own last checkpoint is refused at the start. No checkpoint of it is signed,
    so a witness that saw none yet cannot cosign it."""
    sent = answering(site, lambda text: (200, "text/plain", cosignature(text).encode()))
    outside = {"egress_allow": ("localhost",), "egress_ca_file": authority.ca_file}
    async with running_server(store, witnesses=(f"{KEY.encoded()} {site.url('/w')}",), **outside) as server:
        checkpoints = checkpoints_of(server.core)
        await write_grant(store, "one")
        signed = await checkpoints.sign()
        assert signed is not None
        sent.clear()
        alter_a_leaf(store_place)
        assert await find_rollback(store, checkpoints) == Rollback(THE_LOG, signed.size)
    assert sent == []
