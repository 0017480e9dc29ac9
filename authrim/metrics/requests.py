"""Counts a request at its end: once by its status, and once by how long it took."""

from typing import Final

from authrim.metrics.catalogue import REQUEST_SECONDS, REQUESTS
from authrim.metrics.declaration import OTHER

#: In place of the status, when the client was gone before the answer.
GONE: Final = 0

#: What routes have; a stranger may send any other word.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OUTCOMES: Final = {2: "ok", 3: "ok", 4: "refused", 5: "failed"}
#: The labels of each status, made once.
_LABELS: Final[dict[int, tuple[str, str]]] = {
    status: (str(status), _OUTCOMES.get(status // 100, "ok")) for status in range(100, 600)
} | {GONE: ("gone", "gone")}


def count_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count it. ``route`` is the name of a route, never a path (A304)."""
    code, outcome = _LABELS[status]
    REQUESTS.add(route, method if method in _METHODS else OTHER, code)
    REQUEST_SECONDS.observe(seconds, route, outcome)
