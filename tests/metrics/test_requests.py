"""Requests are counted once, by status and by time."""

from authrim.metrics.catalogue import REQUEST_SECONDS, REQUESTS
from authrim.metrics.requests import GONE, count_request
from authrim.metrics.snapshot import take


def test_a_request_is_in_both_metrics_once() -> None:
    """Each request is counted by its status and in the bucket of its time, and no request twice, however often somebody
    asks; a method that no route has is counted as ``other`` (A304)."""
    take(1)
    for status, seconds in ((200, 0.001), (200, 0.3), (503, 20.0), (GONE, 0.2)):
        count_request("a_route", "POST", status, seconds)
    for number in range(50):
        count_request("a_route", f"METHOD{number}", 404, 0.001)
    take(2)
    now = take(3)
    counts = {labels[1:]: n for labels, n in now.counters[REQUESTS.name].items() if labels[0] == "a_route"}
    assert counts == {("POST", "200"): 2, ("POST", "503"): 1, ("POST", "gone"): 1, ("other", "404"): 50}
    times = {
        labels[1]: cell
        for labels, cell in now.histograms[REQUEST_SECONDS.name].items()
        if labels[0] == "a_route"
    }
    assert {outcome: sum(cell[:-1]) for outcome, cell in times.items()} == {
        "ok": 2, "failed": 1, "gone": 1, "refused": 50,
    }  # fmt: skip
    assert (times["ok"][0], times["failed"][-2:]) == (1, [1, 20.0])
