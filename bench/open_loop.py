"""A sender whose requests do not wait for answers: ``python -m bench.open_loop``, with a plan on standard input.

A crowd on the Internet sends when it wants to. So each request has a time when it is due, drawn at random (Poisson),
and its latency counts from that time: while the server is slow, requests pile up and none is left out (wrk2 calls the
other way coordinated omission). It is a process of its own, with connections of its own from several addresses, because
one address has a limit of them. With ``closed`` it sends the next request when one is answered, which finds a capacity.
"""

import asyncio
import base64
import json
import random
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from typing import Any

import msgspec

#: Seconds between two looks at what is due.
TICK = 0.001
#: Seconds after which a request counts as unanswered, and its connection is closed.
PATIENCE = 10.0
#: Seconds within which an answer is in time, after the load.
IN_TIME = 1.0
_HEAD_END = b"\r\n\r\n"


class Kind(msgspec.Struct, frozen=True):
    """A kind of request. ``body`` may have ``%s`` for a token: ``takes`` says whether the token is used up by it.
    ``good``: the statuses of an answer. ``gives`` says that the answer has a token."""

    name: str
    weight: int
    line: str
    good: tuple[int, ...]
    headers: str = ""
    body: str = ""
    takes: bool = False
    gives: bool = False


class Plan(msgspec.Struct, frozen=True):
    """What to send. ``rate``: requests per second, 0 for ``closed`` that many at once. ``tokens`` to begin with.
    ``after``: seconds for which a slow trickle follows, to see when all is answered again."""

    port: int
    kinds: tuple[Kind, ...]
    seconds: float
    rate: float = 0
    closed: int = 0
    after: float = 0
    host: str = "127.0.0.1"
    addresses: tuple[str, ...] = ()
    most: int = 2048
    tokens: tuple[str, ...] = ()


class Told(msgspec.Struct, frozen=True):
    """How one kind went: how many were sent, answered, refused in the right way, otherwise answered (by status), and
    not answered; seconds from due to answer of those that were answered, and of those that were refused."""

    sent: int
    answered: int
    shed: int
    wrong: dict[str, int]
    lost: int
    latencies: list[float]
    shed_latencies: list[float]


class Outcome(msgspec.Struct, frozen=True):
    """What the sender saw. ``issued`` are the tokens of good answers that it did not revoke, ``revoked`` those whose
    revocation was answered. ``recovered``: seconds after the end until every request was answered in time again.
    ``late``: how late the sender itself was with one of a hundred requests, in seconds; it is in all latencies."""

    kinds: dict[str, Told]
    issued: list[str]
    revoked: list[str]
    recovered: float | None
    busiest: int
    late: float


class _Request:
    __slots__ = ("due", "kind", "token")

    def __init__(self, kind: Kind, due: float, token: str) -> None:
        self.kind = kind
        self.due = due
        self.token = token


class _Connection(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, sender: "Sender") -> None:
        self._sender = sender
        self._buffer = b""
        self.request: _Request | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.request is not None:
            self._write(self.request)

    def send(self, request: _Request) -> None:
        self.request = request
        if self.transport is not None:
            self._write(request)

    def _write(self, request: _Request) -> None:
        assert self.transport is not None
        self.transport.write(self._sender.bytes_of(request))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(_HEAD_END)
        if not found:
            return
        lowered = head.lower()
        _, named, length = lowered.partition(b"\r\ncontent-length: ")
        if named and len(rest) < int(length.split(b"\r", 1)[0]):
            return
        self._buffer = b""
        request, self.request = self.request, None
        closes = b"\r\nconnection: close" in lowered
        if closes:
            self._sender.forget(self)
        if request is not None:
            retry = b"\r\nretry-after: " in lowered
            self._sender.answered(self, request, int(head[9:12]), retry, rest)
        if closes and self.transport is not None:
            self.transport.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._sender.forget(self)
        request, self.request = self.request, None
        if request is not None:
            self._sender.lost(request)


class Sender:
    """Sends what a plan says and counts what comes back."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._choice = random.Random(plan.port)
        self._head = f"Host: localhost:{plan.port}\r\n"
        self._ready = {kind.name: self._prepared(kind) for kind in plan.kinds}
        self._idle: deque[_Connection] = deque()
        self._open: set[_Connection] = set()
        self._waiting: deque[_Request] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._living = deque(plan.tokens)
        self._revoked: list[str] = []
        self._sent: Counter[str] = Counter()
        self._good: dict[str, list[float]] = defaultdict(list)
        self._shed: dict[str, list[float]] = defaultdict(list)
        self._wrong: dict[str, Counter[str]] = defaultdict(Counter)
        self._lost: Counter[str] = Counter()
        self._busiest = 0
        self._is_closed_loop = bool(plan.closed)
        self._late: float | None = None
        self._ended = 0.0
        self._lateness: list[float] = []
        self._looked = 0.0

    def _prepared(self, kind: Kind) -> tuple[str, str]:
        head = f"{kind.line} HTTP/1.1\r\n{self._head}{kind.headers}"
        return head, kind.body

    def bytes_of(self, request: _Request) -> bytes:
        """The request as it is sent."""
        head, body = self._ready[request.kind.name]
        if not body:
            return f"{head}\r\n".encode()
        text = body % request.token if "%s" in body else body
        return f"{head}Content-Length: {len(text)}\r\n\r\n{text}".encode()

    async def run(self) -> Outcome:
        """Send all of it."""
        begun = time.monotonic()
        if self._is_closed_loop:
            for _ in range(self._plan.closed):
                self._due(self._one(begun))
            await asyncio.sleep(self._plan.seconds)
            self._is_closed_loop = False
        else:
            await self._arrivals(begun, self._plan.rate, self._plan.seconds)
        self._ended = time.monotonic()
        if self._plan.after:
            await self._arrivals(self._ended, 40, self._plan.after)
        await self._drain()
        recovered = None if not self._plan.after else max(0.0, (self._late or self._ended) - self._ended)
        kinds = {kind.name: self._told(kind.name) for kind in self._plan.kinds}
        return Outcome(
            kinds,
            list(self._living),
            self._revoked,
            recovered,
            self._busiest,
            quantile(self._lateness, 0.99) / 1000,
        )

    async def _arrivals(self, begun: float, rate: float, seconds: float) -> None:
        due = begun
        while True:
            now = time.monotonic()
            while due <= now:
                if due - begun >= seconds:
                    return
                self._due(self._one(due))
                self._lateness.append(now - due)
                due += self._choice.expovariate(rate)
            self._give_up(now)
            await asyncio.sleep(TICK)

    def _one(self, due: float) -> _Request:
        kind = self._choice.choices(self._plan.kinds, [one.weight for one in self._plan.kinds])[0]
        if "%s" not in kind.body:
            return _Request(kind, due, "")
        if not self._living:  # there is none to ask about, so one is asked for
            return _Request(next(one for one in self._plan.kinds if one.gives), due, "")
        return _Request(kind, due, self._living.popleft() if kind.takes else self._living[-1])

    def _due(self, request: _Request) -> None:
        self._sent[request.kind.name] += 1
        while self._idle:
            connection = self._idle.pop()
            if connection in self._open:
                connection.send(request)
                return
        if len(self._open) + len(self._tasks) < self._plan.most:
            task = asyncio.create_task(self._connect(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._waiting.append(request)

    async def _connect(self, request: _Request) -> None:
        addresses = self._plan.addresses
        own = (addresses[self._sent.total() % len(addresses)], 0) if addresses else None
        connection = _Connection(self)
        connection.request = request
        self._open.add(connection)
        self._busiest = max(self._busiest, len(self._open))
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: connection, self._plan.host, self._plan.port, local_addr=own)
        except OSError:
            self._open.discard(connection)
            if connection.request is not None:
                connection.request = None
                self.lost(request)

    def answered(self, on: _Connection, request: _Request, status: int, retry: bool, body: bytes) -> None:
        """Take note of an answer, and use the connection again."""
        now, name = time.monotonic(), request.kind.name
        took = now - request.due
        if status in request.kind.good:
            self._good[name].append(took)
            if request.kind.takes:
                self._revoked.append(request.token)
            elif request.kind.gives:
                self._living.append(json.loads(body)["access_token"])
        elif status == 503 and retry:
            self._shed[name].append(took)
            self._back(request)
        else:
            self._wrong[name][str(status) if status != 503 else "503 without Retry-After"] += 1
        if self._ended and request.due >= self._ended and (status not in request.kind.good or took > IN_TIME):
            self._late = max(self._late or 0.0, request.due + min(took, IN_TIME))
        if on not in self._open:
            return
        if self._is_closed_loop:
            following = self._one(now)
            self._sent[following.kind.name] += 1
            on.send(following)
        elif self._waiting:
            on.send(self._waiting.popleft())
        else:
            self._idle.append(on)

    def _back(self, request: _Request) -> None:
        """A token that was not revoked lives on."""
        if request.kind.takes:
            self._living.append(request.token)

    def lost(self, request: _Request) -> None:
        """A request without an answer; what became of it nobody knows."""
        self._lost[request.kind.name] += 1
        if self._ended:
            self._late = time.monotonic()

    def forget(self, connection: _Connection) -> None:
        """A connection is closed."""
        self._open.discard(connection)

    def _give_up(self, now: float) -> None:
        """Close what has waited too long. Once per tick, so as cheap as the first that may still wait."""
        while self._waiting and now - self._waiting[0].due > PATIENCE:
            self.lost(self._waiting.popleft())
        if now - self._looked < 0.5:
            return
        self._looked = now
        for connection in list(self._open):
            request = connection.request
            if request is not None and now - request.due > PATIENCE and connection.transport is not None:
                connection.transport.abort()

    async def _drain(self) -> None:
        until = time.monotonic() + PATIENCE + 1
        while any(one.request is not None for one in self._open) and time.monotonic() < until:
            self._give_up(time.monotonic())
            await asyncio.sleep(0.02)
        for connection in list(self._open):
            if connection.transport is not None:
                connection.transport.abort()

    def _told(self, name: str) -> Told:
        return Told(
            self._sent[name],
            len(self._good[name]),
            len(self._shed[name]),
            dict(self._wrong[name]),
            self._lost[name],
            self._good[name],
            self._shed[name],
        )


def quantile(values: list[float], part: float) -> float:
    """A quantile in milliseconds; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 if ordered else 0.0


async def send(plan: Plan) -> Outcome:
    """Run a plan in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.open_loop", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(msgspec.json.encode(plan))
    return msgspec.json.decode(out, type=Outcome)


def form(headers: Mapping[str, str]) -> str:
    """Header lines of a form."""
    lines = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items())


def basic_of(pair: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(pair.encode()).decode()


def main() -> None:
    """Read the plan, send, and write the outcome."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(Sender(plan).run())))


if __name__ == "__main__":
    main()
