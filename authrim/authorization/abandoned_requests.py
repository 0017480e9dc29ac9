"""What abandoned requests leave behind: their sealed parameters go soon after they have expired.

A request that ends takes its ``state`` and hints with it. One that nobody finished would keep them, an address of
a person among them, in a row that no erasure of that person could find (decisions.md 16).
"""

import asyncio
from itertools import takewhile
from typing import Final

import structlog

from authrim.core.execute import append_of
from authrim.core.origin import Origin
from authrim.core.parts import Core
from authrim.core.sealed_rows import GRANT
from authrim.crypto.ids import first_id_of
from authrim.store.contract import StoreError
from domain.stream import DEFAULT_TENANT
from projections.rows import Row
from projections.tables import SEALED, sealed_key

log = structlog.get_logger(__name__)

#: Seconds that the parameters are kept beyond the request's lifetime, for clocks that differ.
LEEWAY: Final = 60
#: Seconds between two looks.
PAUSE: Final = 600.0
_PAGE: Final = 500


async def forget_abandoned(core: Core, tenant: str, now: int) -> int:
    """Drop the sealed rows of requests that have expired at ``now`` (seconds); how many there were.

    A grant's id begins with its time, so what has expired stands in front, and nothing else is looked at.
    """
    settings = core.settings
    longest = settings.interaction_lifetime + settings.pushed_request_lifetime
    expired = first_id_of(now - longest - LEEWAY)
    after, before = (sealed_key(tenant, GRANT, grant_id, "") for grant_id in (first_id_of(0), expired))
    forgotten = 0
    while rows := await core.store.read_rows(SEALED.name, after, _PAGE):
        keys = list(takewhile(lambda key: key < before, (row["key"] for row in rows)))
        if not keys:
            break
        drops = tuple(Row(SEALED.name, "drop", {"key": key}) for key in keys)
        await core.store.append(append_of((), Origin(tenant, actor="system").metadata(), rows=drops))
        forgotten += len(keys)
        after = keys[-1]
    return forgotten


async def forget_until_cancelled(core: Core) -> None:
    """Look now and then; a store that is away is tried again the next time."""
    while True:
        try:
            await forget_abandoned(core, DEFAULT_TENANT, core.now())
        except StoreError:
            log.warning("abandoned.store_unavailable")
        await asyncio.sleep(PAUSE)
