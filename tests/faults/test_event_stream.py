"""A reader of the stream of events loses nothing and gets nothing twice, whoever is killed."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp

from authrim.auditor.event_stream.event_stream_endpoint import SCOPE
from tests.faults.processes import Site, site
from tests.support.patience import PATIENCE

TOKENS = 25


class KilledReader:
    """A reader whose connection is cut again and again. All that it remembers is what it has read."""

    def __init__(self, place: Site, http: aiohttp.ClientSession, token: str) -> None:
        self._place = place
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/jsonl"}
        self.rows: list[dict[str, Any]] = []

    async def read(self, until: int) -> None:
        """Read up to a position, ten rows per connection."""
        attempt = 0
        while not self.rows or self.rows[-1]["position"] < until:
            attempt += 1
            after = self.rows[-1]["position"] if self.rows else 0
            url = self._place.url(f"/events?after={after}", attempt)
            try:
                async with self._http.get(url, headers=self._headers) as answer:
                    for _ in range(10):
                        row = json.loads(await answer.content.readline() or b'{"end": "cut"}')
                        if "position" not in row:
                            break
                        self.rows.append(row)
                        if row["position"] >= until:
                            return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)


async def ask_for_token(http: aiohttp.ClientSession, place: Site, server: int) -> str | None:
    form = {"grant_type": "client_credentials"}
    try:
        async with http.post(
            place.url("/token", server), data=form, headers=place.clients["web"].basic
        ) as answer:
            return str((await answer.json())["access_token"]) if answer.status == 200 else None
    except aiohttp.ClientError:
        return None


async def test_nothing_is_lost_or_doubled(store_place: Path | str, tmp_path: Path) -> None:
    """F01, F18: a reader is cut off after every few rows and a server is killed in between; what it has read in the end
    is the log, each position once."""
    processes = 1 if isinstance(store_place, Path) else 2
    settings = {"event_stream": True}
    client = {
        "grant_types": ("client_credentials",),
        "response_types": (),
        "redirect_uris": (),
        "scope": (SCOPE,),
    }
    async with (
        site(store_place, tmp_path, processes, settings, **client) as place,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        asyncio.timeout(2 * PATIENCE),
    ):
        token = await ask_for_token(http, place, 0)
        assert token is not None
        reader = KilledReader(place, http, token)
        background = asyncio.create_task(reader.read(10**9))
        await asyncio.gather(*(ask_for_token(http, place, number) for number in range(TOKENS)))
        await place.servers[0].kill()
        await asyncio.gather(*(ask_for_token(http, place, number) for number in range(TOKENS)))
        await place.servers[0].start()
        await asyncio.gather(*(ask_for_token(http, place, number) for number in range(TOKENS)))
        url, headers = place.url("/events?after=0&follow=false"), {"Authorization": f"Bearer {token}"}
        async with http.get(url, headers=headers | {"Accept": "application/jsonl"}) as answer:
            log = [json.loads(line) async for line in answer.content][:-1]
        while len(reader.rows) < len(log):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        background.cancel()
    assert reader.rows[: len(log)] == log
    assert [row["position"] for row in reader.rows] == list(range(1, len(reader.rows) + 1))
