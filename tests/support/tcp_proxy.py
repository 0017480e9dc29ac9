"""A TCP proxy between the store and PostgreSQL that fails in the ways networks do."""

import asyncio
from contextlib import suppress


class Proxy:
    """Forwards bytes both ways until it is told not to."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()
        self._open.set()
        #: Cut a connection when it next sends a request of at least this many bytes, which is swallowed.
        self.swallow_request: int | None = None
        #: Seconds that whatever passes takes longer, each way.
        self.delay = 0.0
        #: Cut a connection after such a request was passed on, before its answer comes through.
        self.swallow_answer: int | None = None

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.pass_on()
        self.cut()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def hold(self) -> None:
        """Pass nothing on any more, as a network that drops packets: nobody is told."""
        self._open.clear()

    def pass_on(self) -> None:
        """Pass on again, what was held first."""
        self._open.set()

    def lead_to(self, port: int) -> None:
        """Lead to another server from now on, and close every connection."""
        self._target = port
        self.cut()

    def cut(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # PostgreSQL is down
            writer.close()
            return
        self._writers |= {writer, server_writer}
        answers = asyncio.Event()
        answers.set()
        try:
            await asyncio.gather(
                self._requests(reader, server_writer, writer, answers),
                self._answers(server_reader, writer, server_writer, answers),
            )
        finally:
            writer.close()
            server_writer.close()
            self._writers -= {writer, server_writer}

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        onward: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        answers: asyncio.Event,
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await asyncio.sleep(self.delay)
                await self._open.wait()
                if self.swallow_request is not None and len(data) >= self.swallow_request:
                    self.swallow_request = None
                    back.close()
                    break
                if self.swallow_answer is not None and len(data) >= self.swallow_answer:
                    self.swallow_answer = None
                    answers.clear()
                onward.write(data)
                await onward.drain()
        onward.close()

    async def _answers(
        self,
        reader: asyncio.StreamReader,
        onward: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        answers: asyncio.Event,
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await asyncio.sleep(self.delay)
                await self._open.wait()
                if not answers.is_set():
                    back.close()
                    break
                onward.write(data)
                await onward.drain()
        onward.close()
