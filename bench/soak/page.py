"""What a run showed, as tables and curves, and what is wrong with it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple, Self

from bench.curves import Axis, line_chart
from bench.generated import machine, replaced
from bench.soak.judge import trend_of
from bench.soak.readings import KEPT_LONG, KINDS, Name, Readings

PAGE: Final = Path(__file__).parents[2] / "docs" / "operations" / "benchmarks-soak.md"
PICTURES: Final = PAGE.with_suffix("")
#: Curves, each of the kinds of reading that belong together.
_CURVES: Final = {
    "memory": ("Memory", ("memory",), "MB"),
    "handles": ("Open handles and connections", ("handles", "connections"), "open"),
    "tables": ("Tables of what lives, with their indexes", ("hot table",), "MB"),
    "rows": ("Rows of what lives", ("rows",), "rows"),
    "queues": ("What waits", ("queue", "lag"), "waiting, or s"),
    "log": ("The log and what is kept of all of it", ("the log",), "MB"),
}
#: The most lines of a chart.
_LINES: Final = 8


class Window(NamedTuple):
    """The answers of some seconds: how many, and how long they took, in ms."""

    seconds: float
    answers: int
    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: float, times: Sequence[float]) -> Self:
        """The window that ends then."""
        ordered = sorted(times) or [0.0]
        return cls(
            seconds, len(times), median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        )


class Report(NamedTuple):
    """Everything that was read. ``late``: pieces of work that were left out, because too many waited."""

    rate: float
    readings: Sequence[tuple[float, Readings]]
    windows: Sequence[Window]
    done: Counter[str]
    failures: Counter[str]
    late: int

    @property
    def faults(self) -> list[str]:
        """What grows without bound, and what else is not as it must be."""
        found = []
        for name, points in series(self.readings).items():
            kind, trend = KINDS[name.kind], trend_of(points)
            if kind.judged and trend is not None and trend.grows(kind.floor):
                found.append(
                    f"{name.kind} ({name.of}) grows by {trend.per_hour:,.1f} {kind.unit} per hour,"
                    f" from {trend.middle:,.1f}"
                )
        if not self.readings:
            found.append("nothing was read")
        elif any(
            value for _, read in self.readings for name, value in read.items() if name.kind == "breaches"
        ):
            found.append("the monitor found a broken rule")
        failed, done = sum(self.failures.values()), sum(self.done.values())
        if failed > done / 1000:
            found.append(f"{failed} of {failed + done} requests failed: {self.failures.most_common(3)}")
        if self.late > done / 100:
            found.append(f"the server did not keep up: {self.late} pieces of work were left out")
        return found


def series(readings: Sequence[tuple[float, Readings]]) -> dict[Name, list[tuple[float, float]]]:
    """The values of each reading over time, in seconds."""
    found: dict[Name, list[tuple[float, float]]] = {}
    for seconds, read in readings:
        for name, value in read.items():
            found.setdefault(name, []).append((seconds, value))
    return found


def text(report: Report) -> str:
    """The tables."""
    return "\n\n".join((_load(report), _trends(report)))


def write(report: Report, command: str) -> None:
    """Write tables and curves into the documentation."""
    PICTURES.mkdir(exist_ok=True)
    for name, drawn in curves(report).items():
        (PICTURES / f"{name}.svg").write_text(drawn)
    shown = "\n\n".join(f"![{name}]({PICTURES.name}/{name}.svg)" for name in curves(report))
    verdict = "; ".join(report.faults) or "Nothing grew without bound."
    written = f"{machine(command)}\n\n{verdict}\n\n{shown}\n\n{text(report)}"
    PAGE.write_text(replaced(PAGE.read_text(), "soak", written))


def curves(report: Report) -> dict[str, str]:
    """The charts, by their names."""
    found = {}
    of_all = series(report.readings)
    for curve, (title, kinds, unit) in _CURVES.items():
        chosen = {name: points for name, points in of_all.items() if name.kind in kinds}
        largest = sorted(chosen, key=lambda name: -max(value for _, value in chosen[name]))[:_LINES]
        lines = {
            _short(name.of): [(seconds / 60, value) for seconds, value in chosen[name]]
            for name in sorted(largest)
        }
        found[curve] = line_chart(title, Axis("minutes"), Axis(unit), lines)
    waits = {
        "p50": [(one.seconds / 60, one.p50) for one in report.windows],
        "p99": [(one.seconds / 60, one.p99) for one in report.windows],
    }
    found["latency"] = line_chart(
        "Time of an answer, as the client sees it", Axis("minutes"), Axis("ms"), waits
    )
    return found


def _short(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"


def _load(report: Report) -> str:
    done = ", ".join(f"{kind} {number:,}" for kind, number in sorted(report.done.items()))
    failed = "; ".join(f"{what}: {number}" for what, number in report.failures.most_common(5)) or "none"
    halves = (
        [one for one in report.windows if one.seconds > report.windows[-1].seconds / 2]
        if report.windows
        else []
    )
    waits = (
        f" In the second half p50 was {median(one.p50 for one in halves):.0f} ms and p99"
        f" {median(one.p99 for one in halves):.0f} ms (medians of the windows of ten seconds)."
        if halves
        else ""
    )
    return (
        f"{report.rate:g} pieces of work per second, of which some are several requests: {done}. Failures: {failed}."
        f" Left out, because too much waited: {report.late}.{waits}"
    )


def _trends(report: Report) -> str:
    lines = [
        "| what | of | in the middle of the second half | per hour | |",
        "|---|---|---:|---:|---|",
    ]
    for name, points in sorted(series(report.readings).items()):
        kind, trend = KINDS[name.kind], trend_of(points)
        if trend is None or (trend.middle == 0 and trend.per_hour == 0):
            continue
        if not kind.judged:
            verdict = KEPT_LONG.get(
                name.of.split(",")[0], "grows by design" if name.kind == "the log" else ""
            )
        else:
            verdict = "**grows**" if trend.grows(kind.floor) else "bounded"
        lines.append(
            f"| {name.kind} | {name.of.replace('|', ' ')} | {trend.middle:,.1f} {kind.unit} | {trend.per_hour:+,.1f}"
            f" ± {2 * trend.uncertainty:,.1f} | {verdict} |"
        )
    return "\n".join(lines)
