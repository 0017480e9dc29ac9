"""Authorizations that are under way for clients with a FAPI profile: from the request to the exchange of the code.
Those that nobody goes on with are forgotten when their time is over, so no more are kept than are open.
"""

from array import array
from collections.abc import Iterable
from typing import Final

import msgspec

from domain.grant.events import AuthorizationRequested
from domain.units import MINUTE

#: After so many new ones, those whose time is over are looked for.
_SWEEP: Final = 4096
#: A code lives for a minute at most, and the answer may come in the last moment.
_LONGEST_CODE: Final = MINUTE


class Flow(msgspec.Struct, gc=False):
    """One authorization. ``begun_by`` is the position of its request, ``begun_at`` its time; after ``ends_at`` nothing
    can come (seconds). ``answered``: with a code, tokens or an error."""

    client_id: str
    begun_by: int
    begun_at: int
    ends_at: int
    in_period: bool
    answered: bool = False


class Flows:
    """The authorizations that are open, by grant, and where those began that ended without an answer: eight bytes for
    each."""

    def __init__(self) -> None:
        self._open: dict[str, Flow] = {}
        self._since_sweep = 0
        self._abandoned = array("Q")

    def begin(self, grant_id: str, event: AuthorizationRequested, position: int, *, in_period: bool) -> None:
        """An authorization begins."""
        ends_at = max(event.expires_at, event.request_uri_expires_at or 0)
        self._open[grant_id] = Flow(event.client_id, position, event.requested_at, ends_at, in_period)
        self._since_sweep += 1
        if self._since_sweep >= _SWEEP:
            self._sweep(event.requested_at)

    def of(self, grant_id: str) -> Flow | None:
        """An open one."""
        return self._open.get(grant_id)

    def answer(self, grant_id: str) -> Flow | None:
        """It was answered; its code may still come."""
        flow = self._open.get(grant_id)
        if flow is not None:
            flow.answered = True
        return flow

    def abandoned(self, now: int) -> Iterable[int]:
        """The positions of the requests of the period that were over without an answer at ``now`` (s)."""
        self._sweep(now)
        return self._abandoned

    def waiting(self) -> list[int]:
        """The positions of the requests that still wait for an answer."""
        return [flow.begun_by for flow in self._open.values() if not flow.answered]

    def _sweep(self, now: int) -> None:
        self._since_sweep = 0
        over = [name for name, flow in self._open.items() if flow.ends_at + _LONGEST_CODE < now]
        for name in over:
            flow = self._open.pop(name)
            if flow.in_period and not flow.answered:
                self._abandoned.append(flow.begun_by)
