"""A program that reads the stream of events as any HTTP client would."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from authrim.auditor.event_stream.event_stream_endpoint import SCOPE
from tests.support.running import KnownClient, RunningServer

JSON_LINES = {"Accept": "application/jsonl"}


async def reading_client(server: RunningServer, name: str = "reader", **changes: Any) -> KnownClient:
    """A client that may read the log."""
    return await server.client(
        name, **{"kind": "service", "scope": (SCOPE,), "default_audience": None} | changes
    )


async def token_of(server: RunningServer, client: KnownClient, **more: str) -> str:
    """A token of the client's own."""
    status, answer = await server.post("/token", {"grant_type": "client_credentials", **more}, client.basic)
    assert status == 200, answer
    return str(answer["access_token"])


def bearer(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **headers}


class Reader:
    """The stream as it comes."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_id = ""
        self.comments = 0

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """The objects of JSON lines."""
        async for line in self.answer.content:
            yield json.loads(line)

    async def messages(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Server-sent events as a browser reads them (HTML §9.2.6): the name, and the data."""
        name, data = "message", ""
        async for line in self.answer.content:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            match field:
                case "":
                    self.comments += bool(value)
                    if data:
                        yield name, json.loads(data)
                    name, data = ("message", "") if not value else (name, data)
                case "id":
                    self.last_id = value
                case "event":
                    name = value
                case "data":
                    data = value


@asynccontextmanager
async def reading(
    server: RunningServer, token: str, query: str = "", **headers: str
) -> AsyncIterator[Reader]:
    """An open stream."""
    url = server.url("/events") + query
    async with server.http.get(url, headers=bearer(token, **headers)) as answer:
        assert answer.status == 200, await answer.text()
        yield Reader(answer)


async def whole(server: RunningServer, token: str, query: str = "") -> list[dict[str, Any]]:
    """All rows up to the end of the log."""
    separator = "&" if query else "?"
    async with reading(server, token, f"{query}{separator}follow=false", **JSON_LINES) as reader:
        rows = [row async for row in reader.lines()]
    assert rows[-1] == {"end": "end_of_log"}
    return rows[:-1]
