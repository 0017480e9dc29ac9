"""A grant that a process remembers is believed only as far as the append proves it (F14, F16)."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.faults.processes import site
from tests.support.browser import Browser


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without cookies of its own."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def test_what_another_process_did_is_never_overlooked(
    postgres_dsn: str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """F16: rotated at one process and revoked at the other, a grant that the first remembers yields no token."""
    async with site(postgres_dsn, tmp_path, 2, forked=True, refresh_grace_seconds=0) as place:
        web = place.clients["web"]

        async def refresh(token: str, server: int) -> tuple[int, dict[str, str]]:
            form = {"grant_type": "refresh_token", "refresh_token": token}
            async with http.post(place.url("/token", server), data=form, headers=web.basic) as answer:
                return answer.status, await answer.json()

        first = await Browser(place.as_running(http)).code_flow(web, scope="openid offline_access")
        status, second = await refresh(first["refresh_token"], 0)
        assert status == 200
        status, third = await refresh(second["refresh_token"], 1)
        assert status == 200
        status, fourth = await refresh(third["refresh_token"], 0)
        assert status == 200, "the first process went on from what it remembered"
        form = {"token": fourth["refresh_token"]}
        async with http.post(place.url("/revoke", 1), data=form, headers=web.basic) as answer:
            assert answer.status == 200
        status, refused = await refresh(fourth["refresh_token"], 0)
        assert (status, refused["error"]) == (400, "invalid_grant")
