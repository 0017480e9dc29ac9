"""Many connections that begin at one moment: what there is to do for them is spread, so that others are served between
(F23)."""

import asyncio
import socket
import time
from itertools import pairwise

from authrim.wire.limits import Limits
from tests.attacks.raw_http import sample_app, serving
from tests.support.patience import PATIENCE

_MANY = 100
_SLOW = 40


async def test_few_are_accepted_in_a_turn() -> None:
    """F23: of a hundred that have connected meanwhile, the event loop lets few in at once, and turns away none."""
    async with serving(sample_app(), Limits()) as running:
        # The event loop stands still until all have connected: the kernel keeps them.
        held = [socket.create_connection(("127.0.0.1", running.port), PATIENCE) for _ in range(_MANY)]
        counts = [0]
        async with asyncio.timeout(PATIENCE):
            while counts[-1] < _MANY:
                await asyncio.sleep(0)
                counts.append(len(running._server.connections))
        for one in held:
            one.close()
    assert max(after - before for before, after in pairwise(counts)) <= 16


async def test_those_that_began_together_are_not_cut_together() -> None:
    """F23: heads that began at one moment are cut one after the other, none before its time."""

    async def slow(port: int) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
        writer.write(b"GET /hello HTTP/1.1\r\n")
        await reader.read()
        writer.close()
        return time.monotonic() - began

    async with serving(sample_app(), Limits(header_seconds=1)) as running:
        lived = await asyncio.gather(*[slow(running.port) for _ in range(_SLOW)])
    assert min(lived) > 0.9
    assert max(lived) - min(lived) > 0.1
