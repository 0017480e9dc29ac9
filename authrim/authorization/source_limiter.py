"""How many requests of one kind a source may send per minute, counted in this process's memory.

For what leaves an event behind when it is accepted (decisions.md 20): a flood from one address is turned away
before it reaches the log. Attempts at passwords are counted in the store, for all nodes together.
"""

from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import Final

from domain.errors import Refusal

_WINDOW: Final = 60
#: Sources remembered within a minute; beyond that all new ones share one count.
_SOURCES: Final = 100_000
#: A network may send so many times as much as an address or a smaller network inside it.
_GROWTH: Final = 4


class SourceLimiter:
    """Counts in fixed windows of one minute."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._window = 0
        self._seen: Counter[tuple[str, str]] = Counter()

    def refuse(self, kind: str, source: str, per_minute: int | None = None) -> Refusal | None:
        """A 429 once the source has used up its minute; None while it has not. ``per_minute`` in place of the usual."""
        window = int(monotonic()) // _WINDOW
        if window != self._window:
            self._window = window
            self._seen.clear()
        key = (kind, source) if len(self._seen) < _SOURCES or (kind, source) in self._seen else (kind, "")
        self._seen[key] += 1
        if self._seen[key] <= (self._per_minute if per_minute is None else per_minute):
            return None
        return Refusal(
            "temporarily_unavailable",
            "Too many requests from one place.",
            hint="Wait a minute.",
            section="RFC 6585 §4",
            reason="source_limit",
            status=429,
            retry_after=_WINDOW,
        )

    def refuse_networks(self, kind: str, networks: Sequence[str]) -> Refusal | None:
        """The same for an address and the networks around it, so that many /64s are no way around. What the inner one
        refuses does not count against the outer."""
        for width, network in enumerate(networks):
            refusal = self.refuse(kind, network, self._per_minute * _GROWTH**width)
            if refusal is not None:
                return refusal
        return None
