"""A process that stands still, and goes on as if nothing had been: nobody waits for it, and nothing is done twice."""

import asyncio
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any, Final

import aiohttp

from authrim.audit.rebuild import verify as verify_projections
from authrim.store.chain import verify as verify_chain
from authrim.store.opening import open_store
from tests.faults.kills.nursery import forked_site
from tests.faults.kills.points import Failpoint
from tests.faults.kills.world import SETTINGS, WEBHOOKS, World
from tests.support.browser import Browser
from tests.support.https_site import Site, serving_site

#: In a transaction, with the messages of a page in it, when its last statement is prepared and does not run yet; and in
#: one with the rows of a receiver.
IN_A_PAGE: Final = Failpoint(
    "store.postgres._deliveries:PostgresOutbox.run_page await 7", "under way", signal=signal.SIGSTOP
)
SETTLING: Final = Failpoint(
    "store.postgres._deliveries:PostgresOutbox.settle await 3", "after", signal=signal.SIGSTOP
)
#: How long a transaction may stand still, also in the middle of a statement; production gives it ten times that.
QUICK: Final = {"idle_in_transaction_session_timeout": "1s", "statement_timeout": "1s"}


def _messages(hooks: Site) -> list[str]:
    return [headers["webhook-id"] for _method, _path, headers, _body in hooks.seen]


async def test_stopped_processes_hold_up_nobody(postgres_dsn: str, tmp_path: Path) -> None:
    """F17, F22: of three processes, one is stopped in a page of the outbox, and one when it writes down what it has
    delivered. By the third, a revocation is seen at once, and messages are made and delivered. Then both go on: they
    answer what they were asked, know of the revocation, and no message was made or lost by them."""
    await nobody_is_held_up(postgres_dsn, tmp_path)


async def nobody_is_held_up(dsn: str, folder: Path, **settings: Any) -> None:
    """What the test above says. ``settings``: of the processes, beside the usual ones."""
    async with (
        serving_site(None) as hooks,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        forked_site(dsn, folder, 3, SETTINGS | settings) as (place, (first, second, third)),
    ):
        world, web = World(place, http, hooks, random.Random(0)), place.clients["web"]
        await world.furnish()

        async def ask(server: int, path: str, token: str) -> Any:
            async with http.post(place.url(path, server), data={"token": token}, headers=web.basic) as answer:
                assert answer.status == 200
                return await answer.json() if await answer.read() else None

        await first.start(IN_A_PAGE, session=QUICK)
        browser = Browser(place.as_running(http))
        tokens = await browser.code_flow(web, scope="openid offline_access")
        first.arm()
        meanwhile = asyncio.create_task(browser.code_flow(web))
        await first.stopped()
        await second.start(SETTLING, session=QUICK)
        second.arm()
        await second.stopped()
        await third.start(session=QUICK)
        await ask(2, "/revoke", tokens["refresh_token"])
        assert await ask(2, "/introspect", tokens["access_token"]) == {"active": False}
        store = open_store(place.settings)
        await store.open()
        await world.until_told(store)
        told = Counter(_messages(hooks))
        first.go_on()
        second.go_on()
        await meanwhile
        for server in (0, 1):
            assert await ask(server, "/introspect", tokens["access_token"]) == {"active": False}
        await ask(1, "/revoke", (await browser.code_flow(web))["access_token"])
        await world.until_told(store)
        in_the_end = Counter(_messages(hooks))
        assert len(in_the_end) == WEBHOOKS * 5  # three codes, two revocations
        # One that stood still between taking a message and sending it sends it once more; nobody has it twice in hand.
        assert all(in_the_end[name] <= times + 1 for name, times in told.items())
        assert (await verify_chain(store)).problem is None
        assert not (await verify_projections(store)).differences
        await store.close()
        for process in (first, second, third):
            await process.stop()
