"""How many requests of one kind a client or an address may send per minute, counted for all processes together.

What leaves an event behind when it is accepted is limited before it reaches the log (decisions.md 20). The counts are
in the store, so that neither a second process nor a restart gives anybody more. A process takes a share of a budget at
a time and gives it out without asking, and takes the next one before the last of it is given out, so that requests do
not wait for the store (docs/designs/0039). A small budget has shares of one: it is exact.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from time import time
from typing import Final, NamedTuple

import msgspec
import structlog

from authrim.core.parts import Part
from authrim.metrics.catalogue import RATE_LIMITED, RATE_SHARES
from authrim.store.contract import Store, StoreError
from domain.errors import Refusal
from domain.units import MINUTE

#: One in so many parts of a budget is a share, and a share is no more than so many requests.
SHARES: Final = 32
LARGEST_SHARE: Final = 256
#: Budgets remembered within a minute; beyond that all new ones of a policy share one.
BUDGETS: Final = 100_000
#: A network may send so many times as much as an address or a smaller network inside it.
GROWTH: Final = 4

log = structlog.get_logger(__name__)


class Policy(NamedTuple):
    """What is limited: its ``name`` as clients are told it, and how many requests per minute."""

    name: str
    per_minute: int


class Quota(msgspec.Struct, frozen=True):
    """What is left of a budget: ``left`` requests, as far as this process knows, and ``seconds`` until it is whole
    again. ``refusal`` is there when the request is one too many."""

    policy: Policy
    left: int
    seconds: int
    refusal: Refusal | None = None

    def fields(self) -> dict[str, str]:
        """The header fields that tell the client (draft-ietf-httpapi-ratelimit-headers-10 §3, §4)."""
        name, per_minute = self.policy
        return {
            "RateLimit-Policy": f'"{name}";q={per_minute};w={MINUTE}',
            "RateLimit": f'"{name}";r={self.left};t={self.seconds}',
        }


class _Budget:
    """What this process knows of one budget in the current minute. ``given``: what it may still give out of its shares.
    ``total``: what all processes had taken from the store when it was asked last."""

    __slots__ = ("asking", "given", "is_used_up", "total")

    def __init__(self) -> None:
        self.given = 0
        self.total = 0
        self.is_used_up = False
        self.asking: asyncio.Task[None] | None = None


class RateLimits:
    """The budgets of a process. ``clock``: seconds since 1970; each minute of it is a window."""

    def __init__(self, store: Store, clock: Callable[[], float] = time) -> None:
        self._store = store
        self._clock = clock
        self._window = 0
        self._budgets: dict[str, _Budget] = {}

    async def take(self, policy: Policy, who: str) -> Quota:
        """Take one request from the budget of ``who``. Raises StoreError when the count cannot be read."""
        seconds = self._turn_window()
        key = f"rate:{policy.name}:{who}"
        if key not in self._budgets and len(self._budgets) >= BUDGETS:
            key = f"rate:{policy.name}:"
        budget = self._budgets.get(key)
        if budget is None:
            budget = self._budgets[key] = _Budget()
        while not budget.given and not budget.is_used_up:
            await self._asked(key, budget, policy)
        if not budget.given:
            RATE_LIMITED.add(policy.name)
            return Quota(policy, 0, seconds, _refusal(seconds))
        budget.given -= 1
        if budget.given < _share(policy) / 2 and not budget.is_used_up and _share(policy) > 1:
            self._ask(key, budget, policy)
        left = max(0, policy.per_minute - budget.total) + budget.given
        return Quota(policy, min(left, policy.per_minute), seconds)

    async def take_of_networks(self, policy: Policy, networks: Sequence[str]) -> Quota:
        """The same for an address and the networks around it, so that many /64s are no way around. What the inner one
        refuses does not count against the outer."""
        quotas = []
        for width, network in enumerate(networks):
            wider = policy._replace(per_minute=policy.per_minute * GROWTH**width)
            quota = await self.take(wider, network)
            if quota.refusal is not None:
                return quota
            quotas.append(quota)
        return quotas[0]

    def _turn_window(self) -> int:
        """Forget the last minute when it is over. The seconds until this one is."""
        now = self._clock()
        window = int(now) // MINUTE
        if window != self._window:
            self._window = window
            self._budgets = {}
        return max(1, math.ceil((window + 1) * MINUTE - now))

    async def _asked(self, key: str, budget: _Budget, policy: Policy) -> None:
        """Wait for the next share; what the store raised is raised."""
        await asyncio.shield(self._ask(key, budget, policy))

    def _ask(self, key: str, budget: _Budget, policy: Policy) -> Awaitable[None]:
        if budget.asking is None or budget.asking.done():
            asking = asyncio.create_task(self._take_share(key, budget, policy), name="rate limit share")
            asking.add_done_callback(_noted)
            budget.asking = asking
        return budget.asking

    async def _take_share(self, key: str, budget: _Budget, policy: Policy) -> None:
        """Take the next share from the store, or what is left of the budget."""
        share = _share(policy)
        RATE_SHARES.add(policy.name)
        # Twice the window, because the row begins to last when it is first written.
        total = await self._store.count(f"{key}:{self._window}", 2 * MINUTE, share)
        budget.total = total
        granted = min(share, policy.per_minute - (total - share))
        if granted <= 0:
            budget.is_used_up = True
        else:
            budget.given += granted


def _share(policy: Policy) -> int:
    return max(1, min(policy.per_minute // SHARES, LARGEST_SHARE))


def _refusal(seconds: int) -> Refusal:
    return Refusal(
        "temporarily_unavailable",
        "Too many requests in a minute.",
        hint="Wait until the minute is over.",
        section="RFC 6585 §4",
        reason="rate_limit",
        status=429,
        retry_after=seconds,
    )


def _noted(asking: asyncio.Task[None]) -> None:
    """Nobody may wait for this share: the next request asks again and gets what the store raises."""
    if not asking.cancelled() and isinstance(asking.exception(), StoreError):
        log.warning("rate_limit.not_counted")


def by_network(kind: str, networks: Sequence[str], limit: int, growth: int) -> dict[str, int]:
    """A counter for an address and each network around it, which may go ``growth`` times as far as what is inside."""
    return {f"{kind}:{network}": limit * growth**width for width, network in enumerate(networks)}


RATE_LIMITS: Final[Part[RateLimits]] = Part("rate limits")
