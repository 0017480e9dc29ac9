"""Back-channel logout endpoints that take a connection and never say a word, and how long others wait beside them."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from tests.support.browser import Browser
from tests.support.https_site import Site
from tests.support.logout import log_out
from tests.support.logout_receiver import PATH
from tests.support.running import KnownClient, RunningServer


@contextmanager
def silent_port() -> Iterator[int]:
    """A port at every address of this machine whose connections nobody ever reads."""
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen(4096)
        yield listener.getsockname()[1]


async def dead_client(server: RunningServer, port: int, number: int) -> KnownClient:
    """A client whose endpoint is at a host of its own, and is dead."""
    uri = f"https://127.0.{1 + number // 250}.{1 + number % 250}:{port}{PATH}"
    return await server.client(f"dead {number}", kind="web", backchannel_logout_uri=uri)


async def ended_sessions(server: RunningServer, clients: list[KnownClient]) -> None:
    """For each client a session of its own, and then all of them end together."""
    browsers = [Browser(server) for _ in clients]
    hints = [
        (await browser.code_flow(client))["id_token"]
        for browser, client in zip(browsers, clients, strict=True)
    ]
    await asyncio.gather(
        *(log_out(browser, id_token_hint=hint) for browser, hint in zip(browsers, hints, strict=True))
    )


async def seconds_until_told(
    server: RunningServer, site: Site, client: KnownClient, times: int
) -> list[float]:
    """How long after each of so many logouts the client's own endpoint has been posted to, shortest first."""
    waited: list[float] = []
    for _ in range(times):
        browser = Browser(server)
        hint: Any = (await browser.code_flow(client))["id_token"]
        before = site.asked(PATH)
        await log_out(browser, id_token_hint=hint)
        began = monotonic()
        while site.asked(PATH) == before:  # noqa: ASYNC110 - another task makes it true
            await asyncio.sleep(0.01)
        waited.append(monotonic() - began)
    return sorted(waited)
