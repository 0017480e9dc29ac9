"""Whom a receiver knows. It hears of nobody else (A298).

A client knows a person, and a session of theirs, from the first access token on that it got for them, by the name that
it calls them by now.
"""

from typing import Final, Literal

from authrim.core.parts import Core
from authrim.memory.lru_cache import LruCache
from authrim.signals.receivers import Receiver
from domain.event import tag_of
from domain.grant.events import AccessTokenIssued
from domain.units import MICROSECONDS

_REMEMBERED: Final = 20_000
_PAGE: Final = 20

#: What is known, as a column of the audit index: a person or a session.
What = Literal["subject", "session_id"]


class Known:
    """Remembers for each client and person since which position it knows them, or up to which it did not."""

    def __init__(self) -> None:
        self._since: LruCache[tuple[str, str, int], int] = LruCache(_REMEMBERED)
        self._not_up_to: LruCache[tuple[str, str, int], int] = LruCache(_REMEMBERED)

    async def knows(self, core: Core, receiver: Receiver, what: What, value: str, position: int) -> bool:
        """Whether the client knew the person or session before a position. The index has to have come as far."""
        key = (receiver.client.client_id, value, receiver.client.subjects_changed_at)
        since = self._since.get(key)
        if since is not None:
            return since < position
        after = self._not_up_to.get(key) or 0
        if after >= position - 1:
            return False
        wanted = {what: value, "client_id": receiver.client.client_id, "type": tag_of(AccessTokenIssued)}
        found = await _first(core, receiver, wanted, after, position - 1)
        if found is None:
            self._not_up_to.put(key, position - 1)
            return False
        self._since.put(key, found)
        return True


async def _first(
    core: Core, receiver: Receiver, wanted: dict[str, str], after: int, until: int
) -> int | None:
    """The first such event by which the client was told the name that it has for the person now."""
    while True:
        page = await core.store.audit.search(receiver.tenant, wanted, after, until, _PAGE)
        for event in page.events:
            if event.recorded_at // MICROSECONDS >= receiver.client.subjects_changed_at:
                return event.position
        if page.done:
            return None
        after = page.position
