"""Our own TLS listener, asked by OpenSSL as Python has it, over real sockets (conformance.md 2.10)."""

import asyncio
import hashlib
import json
import socket
import ssl
from pathlib import Path

import pytest

from tests.support.certificates import Authority, IssuedCertificate, self_signed
from tests.support.patience import PATIENCE
from tests.wire.tls_listener.listening import (
    CERTIFICATE,
    HELLO,
    ROOT,
    ask,
    listening,
    trusting,
)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_versions_answer(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """TLS 1.2 and 1.3 each answer a request."""
    context = trusting(tmp_path)
    context.minimum_version = context.maximum_version = version
    async with listening(tmp_path) as running:
        status, _, body = await ask(running.port, context)
    assert (status, body) == (200, b"hello")


async def test_the_newest_version_is_preferred(tmp_path: Path) -> None:
    """Conformance 2.10: a client that knows both gets TLS 1.3, and HTTP/1.1 by ALPN."""
    context = trusting(tmp_path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with listening(tmp_path) as running:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", running.port, ssl=context, server_hostname="localhost"
        )
        tls = writer.get_extra_info("ssl_object")
        writer.close()
    assert (tls.version(), tls.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_old_versions_are_refused(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Conformance 2.10: TLS 1.0 and 1.1 end in an alert."""
    context = trusting(tmp_path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    async with listening(tmp_path) as running:
        with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            await ask(running.port, context)


ALLOWED = ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384")


def _ciphers_of_tls12() -> list[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return [one["name"] for one in context.get_ciphers() if one["protocol"] != "TLSv1.3"]


async def test_tls12_has_two_ciphers(tmp_path: Path) -> None:
    """Conformance 2.10: of all that OpenSSL knows, TLS 1.2 takes the two of FAPI 1 with ECDHE and no other."""
    taken = []
    async with listening(tmp_path) as running:
        for cipher in _ciphers_of_tls12():
            context = trusting(tmp_path)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(f"{cipher}:@SECLEVEL=0")
            try:
                await ask(running.port, context)
            except (ssl.SSLError, ConnectionError):
                continue
            taken.append(cipher)
    assert sorted(taken) == sorted(ALLOWED)


async def test_another_protocol_is_refused(tmp_path: Path) -> None:
    """RFC 7301 §3.2: who offers only another protocol than HTTP/1.1 gets an alert, not HTTP."""
    context = trusting(tmp_path)
    context.set_alpn_protocols(["ftp"])
    async with listening(tmp_path) as running:
        with pytest.raises(ssl.SSLError, match="no application protocol"):
            await ask(running.port, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_no_session_is_resumed(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """A connection never takes over what another one proved: a session that is offered again counts for nothing."""
    context = trusting(tmp_path)
    context.minimum_version = context.maximum_version = version

    def connect(session: ssl.SSLSession | None) -> tuple[bool, ssl.SSLSession | None]:
        plain = socket.create_connection(("127.0.0.1", port))
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
            tls.sendall(HELLO)
            while tls.recv(4096):
                pass
            return bool(tls.session_reused), tls.session

    async with listening(tmp_path, ask_clients=True) as running:
        port = running.port
        _, session = await asyncio.to_thread(connect, None)
        reused, _ = await asyncio.to_thread(connect, session)
    assert not reused


async def test_nothing_is_renegotiated(tmp_path: Path) -> None:
    """RFC 9325 §3.5: a client of TLS 1.2 that wants another handshake on its connection is turned down."""
    async with listening(tmp_path) as running:
        client = await asyncio.create_subprocess_exec(
            "openssl", "s_client", "-connect", f"127.0.0.1:{running.port}", "-tls1_2",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(client.communicate(b"R\n"), PATIENCE)
    assert b"RENEGOTIATING" in said
    assert b"no renegotiation" in said


async def test_certificates_are_asked_for_and_not_needed(tmp_path: Path) -> None:
    """RFC 8705 §2: a client may show a certificate of an authority, one it signed itself, or none at all."""
    from_authority, own = ROOT.issue("client"), self_signed()
    async with listening(tmp_path, ask_clients=True) as running:
        for client in (from_authority, own, None):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = trusting(tmp_path, client)
                context.minimum_version = context.maximum_version = version
                status, _, body = await ask(running.port, context, CERTIFICATE)
                assert status == 200
                assert shown_in(body)[:1] == ([hashlib.sha256(client.der).hexdigest()] if client else [])


async def test_the_whole_chain_is_seen(tmp_path: Path) -> None:
    """A client's intermediate certificates arrive behind its own, each once."""
    below = Authority("Below", issued_by=ROOT)
    client = below.issue("client")
    async with listening(tmp_path, ask_clients=True) as running:
        _, _, body = await ask(running.port, trusting(tmp_path, client), CERTIFICATE)
    chain = [client, IssuedCertificate(below.certificate, below.key)]
    assert shown_in(body) == [hashlib.sha256(one.der).hexdigest() for one in chain]


async def test_a_long_chain_is_not_verified_in_the_handshake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A222: a chain of many certificates would keep the event loop busy, one signature after the other. OpenSSL says
    once for each certificate that it looked at it."""
    looked_at: list[int] = []
    monkeypatch.setattr("authrim.wire.tls._judged_later", lambda *args: not looked_at.append(args[3]))
    authority = ROOT
    for number in range(12):
        authority = Authority(f"Below {number}", issued_by=authority)
    client = authority.issue("client")
    async with listening(tmp_path, ask_clients=True) as running:
        _, _, body = await ask(running.port, trusting(tmp_path, client), CERTIFICATE)
    assert len(shown_in(body)) == 13
    assert max(looked_at) <= 1


def shown_in(body: bytes) -> list[str]:
    shown = json.loads(body)["shown"]
    assert isinstance(shown, list)
    return shown


async def test_nobody_is_asked_unless_wanted(tmp_path: Path) -> None:
    """Without the request for certificates none is seen, whatever the client holds."""
    async with listening(tmp_path) as running:
        _, _, body = await ask(running.port, trusting(tmp_path, self_signed()), CERTIFICATE)
    assert body == b'{"scheme": "https", "shown": []}'
