"""Our own TLS listener, asked by OpenSSL as Python has it, over real sockets (conformance.md 2.10)."""

import asyncio
import hashlib
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from authrim.wire.limits import Limits
from authrim.wire.listener import ListeningSite, start_site
from authrim.wire.tls import CLIENT_CERTIFICATES, Tls, UnusableCertificate
from tests.attacks.raw_http import parts, sample_app
from tests.support.certificates import Authority, IssuedCertificate, pem, self_signed
from tests.support.patience import LATER, PATIENCE

ROOT = Authority()
SERVER = ROOT.server()

HELLO = b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CERTIFICATE = b"GET /certificate HTTP/1.1\r\nHost: a\r\n\r\n"


async def _certificate(request: web.Request) -> web.Response:
    assert request.transport is not None
    shown = request.transport.get_extra_info(CLIENT_CERTIFICATES)
    return web.json_response(
        {"scheme": request.scheme, "shown": [hashlib.sha256(one).hexdigest() for one in shown]}
    )


async def _sum(request: web.Request) -> web.Response:
    digest = hashlib.sha256()
    async for piece in request.content.iter_any():
        digest.update(piece)
        await asyncio.sleep(0)
    return web.Response(text=digest.hexdigest())


def app() -> web.Application:
    """The sample application with two more routes."""
    made = sample_app()
    made.router.add_get("/certificate", _certificate)
    made.router.add_post("/sum", _sum)
    return made


@asynccontextmanager
async def listening(
    tmp_path: Path,
    limits: Limits | None = None,
    *,
    ask_clients: bool = False,
    server: IssuedCertificate = SERVER,
) -> AsyncIterator[ListeningSite]:
    """The application behind TLS on a free port."""
    certificate, key = server.write(tmp_path, "server")
    tls = Tls(certificate, key, ask_clients=ask_clients)
    running = await start_site(app(), "127.0.0.1", 0, limits=limits or Limits(), tls=tls)
    try:
        yield running
    finally:
        await running.stop(0)


def trusting(tmp_path: Path, client: IssuedCertificate | None = None) -> ssl.SSLContext:
    """A client that trusts our authority, with a certificate of its own or without."""
    context = ssl.create_default_context(cadata=pem(ROOT.certificate))
    if client is not None:
        context.load_cert_chain(*client.write(tmp_path, "client"))
    return context


async def ask(
    port: int, context: ssl.SSLContext, request: bytes = HELLO
) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    try:
        writer.write(request)
        if b"Connection: close" in request:
            return parts(await reader.read())
        head = await reader.readuntil(b"\r\n\r\n")
        _, headers, _ = parts(head)
        return parts(head + await reader.readexactly(int(headers["content-length"])))
    finally:
        writer.close()


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


async def test_large_answers_arrive_whole(tmp_path: Path) -> None:
    """32 MiB come through to a reader that takes its time in the middle."""
    async with listening(tmp_path) as running:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", running.port, ssl=trusting(tmp_path), server_hostname="localhost"
        )
        writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        body = await reader.readexactly(32 * 1024 * 1024)
        writer.close()
    assert body == bytes(len(body))


async def test_large_requests_arrive_whole(tmp_path: Path) -> None:
    """8 MiB in pieces of many sizes are what was sent: aiohttp's pauses lose nothing and repeat nothing."""
    sent = bytes(range(256)) * 4 * 8192
    head = f"POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: {len(sent)}\r\n\r\n".encode()
    async with listening(tmp_path, Limits(body_bytes=16 * 1024 * 1024)) as running:
        status, _, body = await ask(running.port, trusting(tmp_path), head + sent)
    assert (status, body.decode()) == (200, hashlib.sha256(sent).hexdigest())


async def test_one_connection_answers_many_requests(tmp_path: Path) -> None:
    """HTTP/1.1 keep-alive: 50 requests on one connection, some of them sent before the answer to the one before."""
    async with listening(tmp_path) as running:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", running.port, ssl=trusting(tmp_path), server_hostname="localhost"
        )
        for _ in range(10):
            writer.write(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
            for _ in range(5):
                assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(5) == b"hello"
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01\x00", "drip"])
async def test_a_slow_handshake_is_cut(tmp_path: Path, sent: bytes | str) -> None:
    """F23: a client that says nothing, half of a hello, or one byte at a time, is gone after the head's deadline."""
    async with listening(
        tmp_path, Limits(header_seconds=0.3, body_seconds=LATER, keep_alive_seconds=LATER)
    ) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        if sent == "drip":
            for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03":
                writer.write(bytes([byte]))
                await asyncio.sleep(0.05)
        else:
            writer.write(bytes(sent))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(1), PATIENCE)
        writer.close()


async def test_a_slow_head_is_cut_behind_tls_too(tmp_path: Path) -> None:
    """F23: after the handshake the deadline for the head goes on."""
    async with listening(
        tmp_path, Limits(header_seconds=0.3, body_seconds=LATER, keep_alive_seconds=LATER)
    ) as running:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", running.port, ssl=trusting(tmp_path), server_hostname="localhost"
        )
        writer.write(b"GET /hello HTTP/1.1\r\nX: ")
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_reader_that_does_not_read_is_cut(tmp_path: Path) -> None:
    """A218: an answer that nobody fetches holds its memory for the write deadline, no longer."""
    async with listening(tmp_path, Limits(write_seconds=0.3)) as running:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", running.port, ssl=trusting(tmp_path), server_hostname="localhost", limit=1024
        )
        writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        with capture_logs() as logs:
            for _ in range(100):
                await asyncio.sleep(0.1)
                if any(line["event"] == "response.cut" for line in logs):
                    break
        writer.transport.abort()
    assert [line for line in logs if line["event"] == "response.cut"]


async def test_plain_http_is_told_to_use_https(tmp_path: Path) -> None:
    """Plain HTTP gets 400 with a hint before our code sees it; answer and log quote nothing of it."""
    async with listening(tmp_path) as running:
        with capture_logs() as logs:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"POST /canary HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\ncanary")
            status, headers, body = parts(await reader.read())
            writer.close()
    assert (status, headers["connection"]) == (400, "close")
    assert b"https://" in body
    assert b"canary" not in body
    assert [line["event"] for line in logs] == ["tls.plain_http"]
    assert "canary" not in str(logs)


async def test_what_is_neither_gets_no_answer(tmp_path: Path) -> None:
    """What is no TLS and no HTTP is cut off, and the log quotes nothing of it."""
    async with listening(tmp_path) as running:
        with capture_logs() as logs:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"\x00canary" * 40)
            answer = await reader.read()
            writer.close()
    assert b"HTTP" not in answer
    assert [line["event"] for line in logs] == ["tls.failed"]
    assert "canary" not in str(logs)


async def test_connections_beyond_the_cap_are_turned_away(tmp_path: Path) -> None:
    """F27: handshakes that are not finished count like connections, and one more is turned away at once."""
    async with listening(tmp_path, Limits(connections_per_address=2)) as running:
        held = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await ask(running.port, trusting(tmp_path))
        held[0][1].close()
        await asyncio.sleep(0.05)
        assert (await ask(running.port, trusting(tmp_path)))[0] == 200
        held[1][1].close()


async def test_the_end_is_announced(tmp_path: Path) -> None:
    """RFC 8446 §6.1: the server says close_notify, so that its client knows that nothing was cut off."""
    async with listening(tmp_path) as running:

        def read_to_the_end() -> bytes:
            context = trusting(tmp_path)
            with socket.create_connection(("127.0.0.1", running.port)) as plain:
                # suppress_ragged_eofs: without a close_notify this would raise.
                tls = context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)
                tls.sendall(HELLO)
                received = b""
                while more := tls.recv(4096):
                    received += more
                return received

        assert (await asyncio.to_thread(read_to_the_end)).endswith(b"hello")


async def test_a_client_that_leaves_frees_its_place(tmp_path: Path) -> None:
    """After 30 connections, ended in every way, none is counted any more."""
    async with listening(tmp_path, Limits(connections_per_address=2)) as running:
        for number in range(30):
            _, writer = await asyncio.open_connection(
                "127.0.0.1", running.port, ssl=trusting(tmp_path), server_hostname="localhost"
            )
            writer.write(HELLO[: number * 2])
            if number % 2:
                writer.transport.abort()
            writer.close()
            await asyncio.sleep(0.02)
        assert (await ask(running.port, trusting(tmp_path)))[0] == 200


async def test_a_renewed_certificate_is_taken(tmp_path: Path) -> None:
    """After a reload new connections see the new certificate; one that cannot be used leaves the old one."""
    certificate, key = SERVER.write(tmp_path, "server")
    tls = Tls(certificate, key, ask_clients=False)
    running = await start_site(app(), "127.0.0.1", 0, limits=Limits(), tls=tls)
    try:
        renewed = ROOT.server()
        certificate.write_text(renewed.chain_pem())
        tls.reload()
        assert await _served(running.port, tmp_path) == renewed.der
        certificate.write_text("nonsense")
        with pytest.raises(UnusableCertificate):
            tls.reload()
        assert await _served(running.port, tmp_path) == renewed.der
    finally:
        await running.stop(0)


async def _served(port: int, tmp_path: Path) -> bytes | None:
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trusting(tmp_path), server_hostname="localhost"
    )
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    assert der is None or isinstance(der, bytes)
    return der


def test_unusable_files_are_named(tmp_path: Path) -> None:
    """What is wrong with the certificate or its key is said with the setting and the file, and quotes neither."""
    certificate, key = SERVER.write(tmp_path, "server")
    other = self_signed().write(tmp_path, "other")[1]
    empty = tmp_path / "empty.pem"
    empty.write_text("canary")
    for files, problem in [
        ((tmp_path / "missing", key), "tls_certificate: .*missing cannot be read: No such file"),
        ((certificate, tmp_path / "missing"), "tls_key: .*missing cannot be read: No such file"),
        ((empty, key), "tls_certificate: .*empty.pem holds no certificate"),
        ((certificate, empty), "tls_key: .*empty.pem holds no private key"),
        ((certificate, other), "tls_key: .*other.key is not the key of the certificate"),
    ]:
        with pytest.raises(UnusableCertificate, match=problem) as refused:
            Tls(*files, ask_clients=False)
        assert "canary" not in str(refused.value)
