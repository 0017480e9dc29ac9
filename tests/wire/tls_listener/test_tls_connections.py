"""Connections over our own TLS: large messages, limits, their end, and new certificates."""

import asyncio
import hashlib
import socket
import ssl
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from authrim.wire.limits import Limits
from authrim.wire.listener import start_site
from authrim.wire.tls import Tls, UnusableCertificate
from tests.attacks.raw_http import parts
from tests.support.certificates import self_signed
from tests.support.patience import LATER, PATIENCE
from tests.wire.tls_listener.listening import (
    HELLO,
    ROOT,
    SERVER,
    app,
    ask,
    listening,
    trusting,
)
from tests.wire.tls_listener.records import (
    ALERT,
    APPLICATION_DATA,
    CLOSE_NOTIFY,
    USER_CANCELED,
    record_client,
)

#: A request on a connection that is kept.
KEPT = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"


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


async def test_a_client_that_cancels_has_not_failed(tmp_path: Path) -> None:
    """RFC 8446 §6.1: Java ends each connection with user_canceled before its close_notify; that is a usual end."""
    async with listening(tmp_path) as running:

        def leave() -> bytes:
            with record_client(running.port, trusting(tmp_path), tmp_path) as client:
                client.send((APPLICATION_DATA, KEPT))
                assert client.tls.recv(4096).endswith(b"hello")
                client.send((ALERT, USER_CANCELED), (ALERT, CLOSE_NOTIFY))
                return client.tls.recv(4096)

        with capture_logs() as logs:
            assert await asyncio.to_thread(leave) == b""
    assert [line["event"] for line in logs] == ["request"]


async def test_what_comes_after_user_canceled_is_read(tmp_path: Path) -> None:
    """RFC 8446 §6.1: only close_notify ends what is read, so a request in the same piece is answered."""
    async with listening(tmp_path) as running:

        def go_on() -> bytes:
            with record_client(running.port, trusting(tmp_path), tmp_path) as client:
                client.send((ALERT, USER_CANCELED), (APPLICATION_DATA, KEPT))
                first = client.tls.recv(4096)
                client.send((ALERT, USER_CANCELED))
                client.send((APPLICATION_DATA, KEPT))
                return first + client.tls.recv(4096)

        assert (await asyncio.to_thread(go_on)).count(b"hello") == 2


async def test_alerts_without_an_end_are_cut(tmp_path: Path) -> None:
    """Alerts that say nothing are no way to keep the server busy: after some of them the connection is closed."""
    async with listening(tmp_path) as running:

        def go_on() -> None:
            with record_client(running.port, trusting(tmp_path), tmp_path) as client:
                client.send(*[(ALERT, USER_CANCELED)] * 1000)
                client.tls.recv(4096)

        with capture_logs() as logs, pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(go_on)
    assert [line["event"] for line in logs] == ["tls.failed"]


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
