"""A218: connections that are slow, silent or too many."""

import asyncio
import contextlib
import time

from structlog.testing import capture_logs

from authrim.wire.forwarded import LOCAL
from authrim.wire.limits import Connections, Limits
from tests.attacks.raw_http import FORM, ask, parts, sample_app, serving, talk
from tests.support.logout_receiver import until
from tests.support.patience import LATER


async def test_slow_head_is_cut() -> None:
    """A218: a head that dribbles in gets 408 at its deadline, however steadily it dribbles."""
    limits = Limits(header_seconds=0.3, body_seconds=LATER, keep_alive_seconds=LATER)
    async with serving(sample_app(), limits) as running:
        started = time.monotonic()
        answer = await talk(running.port, b"GET /hello HTTP/1.1\r\n", *[b"X: a\r\n"] * 4, pause=0.05)
    assert parts(answer)[0] == 408
    assert time.monotonic() - started > 0.2


async def test_silent_connection_is_closed() -> None:
    """A218: a connection that never sends anything is closed at the head's deadline without an answer."""
    async with serving(sample_app(), Limits(header_seconds=0.2)) as running:
        assert await talk(running.port) == b""


async def test_slow_second_head_is_cut() -> None:
    """A218: the deadline holds for every request of a kept-alive connection."""
    async with serving(sample_app(), Limits(header_seconds=0.6)) as running:
        answer = await talk(running.port, b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /hello", pause=1.2)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


async def test_slow_body_is_cut() -> None:
    """A218: a body that is late gets 408 and the connection ends."""
    limits = Limits(body_seconds=0.2, linger_seconds=0.1)
    async with serving(sample_app(), limits) as running:
        answer = await talk(running.port, FORM + b"Content-Length: 10\r\n\r\na=b")
    assert parts(answer)[0] == 408


async def test_reader_that_does_not_read_is_cut() -> None:
    """A218: an answer that is not read within the write deadline is aborted and its connection forgotten."""
    app = sample_app()
    async with serving(app, Limits(write_seconds=0.2)) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=1024)
        writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        with capture_logs() as logged:
            await until(lambda: "response.cut" in [line["event"] for line in logged])
        received = 0
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(1024 * 1024):
                received += len(chunk)
        writer.close()
    assert received < 32 * 1024 * 1024


async def test_connections_of_one_address_are_capped() -> None:
    """A218, F23: one address gets its share of connections and then 503, and a place freed is given again."""
    async with serving(sample_app(), Limits(connections_per_address=3)) as running:
        held = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(3)]
        await asyncio.sleep(0.05)
        status, headers, _ = parts(await talk(running.port))
        assert (status, headers["retry-after"]) == (503, "1")
        held[0][1].close()
        await asyncio.sleep(0.05)
        assert (await ask(running.port, b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"))[0] == 200
        for _, writer in held[1:]:
            writer.close()


class BusyConnection:
    """A connection that is being used."""

    is_idle = False

    def close_if_idle(self) -> None:
        pass


HELLO = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"


async def idle_from(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection from one of this machine's addresses that is kept after a first answer, good or not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.write(HELLO)
    await reader.readline()
    return reader, writer


async def test_one_address_has_a_share_of_the_whole() -> None:
    """A218: of 40 places one address takes 10 at most, whatever its own cap, so two of them never fill a process."""
    async with serving(sample_app(), Limits(connections=40)) as running:
        held = [await idle_from("127.0.0.2", running.port) for _ in range(10)]
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, local_addr=("127.0.0.2", 0))
        assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
        assert (await ask(running.port, HELLO))[0] == 200
        for _, one in [*held, (reader, writer)]:
            one.close()


async def test_idle_connections_make_room_for_new_ones() -> None:
    """A218: a house full of idle keep-alive connections turns nobody away: the longest idle one of those who hold most
    is dropped, and one that is being used never."""
    async with serving(sample_app(), Limits(connections=40)) as running:
        used = await asyncio.open_connection("127.0.0.1", running.port, local_addr=("127.0.0.9", 0))
        used[1].write(HELLO[:20])
        held = [
            await idle_from(f"127.0.0.{number}", running.port) for number in range(2, 6) for _ in range(10)
        ]
        for number in range(30):
            answer = await asyncio.open_connection(
                "127.0.0.1", running.port, local_addr=(f"127.0.1.{number}", 0)
            )
            answer[1].write(HELLO)
            assert (await answer[0].readline()).startswith(b"HTTP/1.1 200 ")
            held.append(answer)
        used[1].write(HELLO[20:])
        assert (await used[0].readline()).startswith(b"HTTP/1.1 200 ")
        for _, writer in [*held, used]:
            writer.close()


async def test_a_pipelined_request_behind_an_upgrade_is_not_lost_in_silence() -> None:
    """A215, RFC 9110 §7.8: an Upgrade is not taken; what was sent behind it is not read, and the answer says so."""
    upgrade = b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    form = FORM + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\na=b"
    async with serving(sample_app()) as running:
        for request in (upgrade, form):
            answer = await talk(running.port, request + HELLO)
            status, headers, _ = parts(answer)
            assert (status, headers["connection"]) == (200, "close")
            assert answer.count(b"HTTP/1.1") == 1


async def test_one_ipv6_network_counts_as_one_address() -> None:
    """A225: addresses of one /64 share one cap."""
    connections = Connections(Limits(connections=0, connections_per_address=1))
    assert connections.admit("2001:db8::/64", BusyConnection())
    assert not connections.admit("2001:db8::/64", BusyConnection())
    assert connections.admit("2001:db8:0:1::/64", BusyConnection())


async def test_many_ipv6_networks_of_one_holder_have_no_more_than_half() -> None:
    """A218, A225: whoever holds a /48 fills no house by its /64s, nor by its /56s; others are let in. What has left
    makes room for the same holder again."""
    for step in (1, 0x100):
        connections, held = Connections(Limits(connections=16)), BusyConnection()
        networks = [f"2001:db8:0:{number * step:x}::/64" for number in range(16)]
        admitted = [one for one in networks if connections.admit(one, BusyConnection())]
        assert len(admitted) == 8
        assert connections.admit("2001:db8:1::/64", held)
        assert connections.admit("192.0.2.1", BusyConnection())
        connections.leave(admitted[0], BusyConnection())
        assert connections.admit(networks[-1], BusyConnection())
        assert not connections.admit(networks[0], BusyConnection())


async def test_a_unix_socket_is_no_address() -> None:
    """A218: a proxy's connections by the Unix socket count to the whole alone, and the share stays for all
    others: a socket beside the port lifts nothing there."""
    connections = Connections(Limits(connections=4, connections_per_address=1))
    assert all(connections.admit(LOCAL, BusyConnection()) for _ in range(2))
    assert connections.admit("192.0.2.1", BusyConnection())
    assert not connections.admit("192.0.2.1", BusyConnection())
