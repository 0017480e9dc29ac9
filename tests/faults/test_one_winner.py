"""Two server processes, one PostgreSQL: what may happen once happens once (F14, F15)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from http.client import SERVICE_UNAVAILABLE
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from authrim.store.postgres.store import PostgresStore
from domain.stream import DEFAULT_TENANT, grant_stream
from tests.faults.processes import Site, site
from tests.support.browser import Browser
from tests.support.pushed import pushed

PARALLEL = 64


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client with room for the whole crowd."""
    connector = aiohttp.TCPConnector(limit=PARALLEL * 2)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def crowd(
    http: aiohttp.ClientSession, place: Site, form: dict[str, str]
) -> list[tuple[int, dict[str, Any]]]:
    """The same request to the token endpoint 64 times at once, half to each process. Who is told to come again, because
    others were faster for too long, does so like every client (503 with ``Retry-After``)."""

    async def one(number: int) -> tuple[int, dict[str, Any]]:
        headers = place.clients["web"].basic
        while True:
            async with http.post(place.url("/token", number), data=form, headers=headers) as answer:
                if answer.status != SERVICE_UNAVAILABLE:
                    return answer.status, await answer.json()
            await asyncio.sleep(0.2)

    return await asyncio.gather(*(one(number) for number in range(PARALLEL)))


async def events_of(dsn: str, grant_id: str) -> Counter[str]:
    """How often each type of event is in the grant's stream."""
    store = PostgresStore(dsn)
    await store.open()
    events = await store.read_whole_stream(grant_stream(DEFAULT_TENANT, grant_id))
    await store.close()
    return Counter(event.type for event in events)


async def test_one_of_64_redemptions_over_two_processes_wins(
    postgres_dsn: str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """F14, A046: exactly one 200, all others ``invalid_grant``, exactly one ``CodeRedeemed``, grant revoked."""
    async with site(postgres_dsn, tmp_path, 2, forked=True) as place:
        web = place.clients["web"]
        browser = Browser(place.as_running(http))
        shown, verifier = await browser.authorize(web)
        code = (await browser.through_pages(shown)).parameters["code"]
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": web.redirect_uri,
            "code_verifier": verifier,
        }  # fmt: skip
        answers = await crowd(http, place, form)
    assert Counter(status for status, _ in answers) == {200: 1, 400: PARALLEL - 1}
    assert {body["error"] for status, body in answers if status == 400} == {"invalid_grant"}
    events = await events_of(postgres_dsn, code.split(".")[1])
    assert events["grant.code_redeemed.v1"] == 1
    assert events["grant.code_replayed.v1"] == 1
    assert events["grant.revoked.v1"] == 1


async def test_a_pushed_request_is_answered_once(
    postgres_dsn: str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """F15, A067: two processes, many tabs of somebody who is signed in: one completion a ``request_uri``, all others
    see the page of one that is used."""
    async with site(postgres_dsn, tmp_path, 2, forked=True) as place:
        web, running = place.clients["web"], place.as_running(http)
        browser = Browser(running)
        await browser.code_flow(web)
        request_uri, _ = await pushed(running, web)
        query = urlencode({"client_id": web.client_id, "request_uri": request_uri})
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}

        async def fetch(number: int) -> tuple[int, str]:
            url = place.url(f"/authorize?{query}", number)
            while True:
                async with http.get(url, headers=cookie, allow_redirects=False) as answer:
                    if answer.status != SERVICE_UNAVAILABLE:
                        return answer.status, answer.headers.get("Location") or await answer.text()
                await asyncio.sleep(0.2)

        answers = await asyncio.gather(*(fetch(number) for number in range(PARALLEL)))
    assert Counter(status for status, _ in answers) == {303: 1, 400: PARALLEL - 1}
    assert all("invalid_request_uri" in text for status, text in answers if status == 400)
    events = await events_of(postgres_dsn, request_uri.split(".")[1])
    assert events["grant.code_issued.v1"] == events["grant.subject_authenticated.v1"] == 1


async def refresh_crowd(
    dsn: str, folder: Path, http: aiohttp.ClientSession, grace: int
) -> tuple[list[tuple[int, dict[str, Any]]], Counter[str]]:
    """64 parallel refreshes with one token: the answers, and what the log holds."""
    async with site(
        dsn, folder, 2, forked=True, refresh_grace_seconds=grace, refresh_grace_count=PARALLEL * 2
    ) as place:
        browser = Browser(place.as_running(http))
        tokens = await browser.code_flow(place.clients["web"], scope="openid offline_access")
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        answers = await crowd(http, place, form)
    return answers, await events_of(dsn, tokens["refresh_token"].split(".")[1])


async def test_within_the_grace_all_get_the_one_successor(
    postgres_dsn: str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """F15, A123: exactly one ``RefreshTokenRotated``, and every 200 carries the byte-identical successor."""
    answers, events = await refresh_crowd(postgres_dsn, tmp_path, http, grace=30)
    assert Counter(status for status, _ in answers) == {200: PARALLEL}
    assert len({body["refresh_token"] for _, body in answers}) == 1
    assert events["grant.refresh_token_rotated.v1"] == 1
    assert events["grant.refresh_token_repeated.v1"] == PARALLEL - 1
    assert events["grant.revoked.v1"] == 0


async def test_without_grace_one_wins_and_the_grant_is_revoked(
    postgres_dsn: str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """F15, A122: one 200, the rest ``invalid_grant``, one rotation, one reuse, the grant revoked."""
    answers, events = await refresh_crowd(postgres_dsn, tmp_path, http, grace=0)
    assert Counter(status for status, _ in answers) == {200: 1, 400: PARALLEL - 1}
    assert {body["error"] for status, body in answers if status == 400} == {"invalid_grant"}
    assert events["grant.refresh_token_rotated.v1"] == 1
    assert events["grant.refresh_token_reused.v1"] == 1
    assert events["grant.revoked.v1"] == 1
