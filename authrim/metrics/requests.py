"""Counts a request at its end, by its status and by how long it took.

It is on the path of every request, so there is one addition for both: what was counted is moved to the metrics when
somebody asks for them.
"""

from bisect import bisect_left
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

_BOUNDS: Final = REQUEST_SECONDS.bounds
#: By route, method and status: a series of ``REQUEST_SECONDS``, of what was not moved yet.
_counted: Final[dict[tuple[str, str, int], list[float]]] = {}


def count_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count it. ``route`` is the name of a route, never a path (A304)."""
    key = (route, method if method in _METHODS else OTHER, status)
    try:
        cell = _counted[key]
    except KeyError:
        cell = _counted[key] = [0.0] * (len(_BOUNDS) + 2)
    cell[bisect_left(_BOUNDS, seconds)] += 1
    cell[-1] += seconds


def move_counts() -> None:
    """Move what was counted to the two metrics."""
    for (route, method, status), cell in _counted.items():
        count = sum(cell[:-1])
        if count:
            code, outcome = _LABELS[status]
            REQUESTS.add_more(count, route, method, code)
            REQUEST_SECONDS.add_cell(cell, route, outcome)
            cell[:] = [0.0] * len(cell)
