"""What another policy would have decided: people and clients do what they did, and each decision is made on what that
policy had decided before it.

So a code that would have expired is not redeemed, and what was refreshed from it is not there. What people would have
done instead (signed in again, for example) nobody knows.
"""

from typing import NamedTuple

from authrim.audit.replay.check import Decided, Replay
from authrim.audit.replay.policy import Policy
from authrim.audit.replay.recorded import Recorded
from authrim.audit.replay.spool import KEPT, Spool
from domain.event import Event
from domain.grant.events import AccessTokenIssued
from domain.stream import GRANT


class Effect(NamedTuple):
    """What the policy changes: in how many grants, and how many access tokens are not issued, or issued otherwise."""

    grants: int
    access_tokens_missing: int
    access_tokens_otherwise: int


class WhatIf(Replay):
    """A replay under another policy."""

    def __init__(self, issuer: str, policy: Policy, kept: int = KEPT) -> None:
        super().__init__(issuer, policy, kept)
        self._changed: Spool[bool] = Spool(bool, kept)
        self._grants = self._missing = self._otherwise = 0

    @property
    def effect(self) -> Effect:
        """What was changed so far."""
        return Effect(self._grants, self._missing, self._otherwise)

    def what_holds(self, one: Recorded, again: Decided | None, *, differs: bool) -> tuple[Event, ...]:
        """What the policy decides; where nothing was decided again, what is recorded."""
        if again is None or not differs:
            return one.events
        name = str(one.stream)
        if one.stream.kind == GRANT:
            if self._changed.get(name) is None:
                self._changed.put(name, True)
                self._grants += 1
            before, after = _tokens(one.events), _tokens(again.events)
            self._missing += len(before) - len(after)
            self._otherwise += sum(was != now for was, now in zip(before, after, strict=False))
        return again.events


def _tokens(events: tuple[Event, ...]) -> list[Event]:
    return [event for event in events if isinstance(event, AccessTokenIssued)]
