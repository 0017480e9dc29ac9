"""What was measured, as tables and curves, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from bench.cells import CELLS
from bench.curves import Axis, line_chart
from bench.generated import machine, replaced
from bench.scale.cells import BUSY, Measured, Results
from bench.scale.plans import Judged

PAGE: Final = Path(__file__).parents[2] / "docs" / "operations" / "benchmarks-scale.md"
PICTURES: Final = PAGE.with_suffix("")
#: What a cell must reach on the large log, of what it does on the empty one.
AIM: Final = 0.9
#: Statements that the table shows.
_SHOWN: Final = 25
_QUERY: Final = 110
_TITLES: Final = {cell.name: cell.title for cell in CELLS}


class Report(NamedTuple):
    """Everything that was measured. ``databases``: their names, the empty one first, the largest last. ``memory`` in
    MB: of each process that answers, and of the background work. ``proved``: how many events were verified."""

    databases: tuple[str, ...]
    starts: Mapping[str, tuple[float, ...]]
    cells: Results
    memory: Mapping[str, tuple[tuple[float, ...], float]]
    plans: Sequence[Judged]
    processes: Results
    sizes: Mapping[str, int]
    proved: int = 0

    @property
    def faults(self) -> list[str]:
        """What is not as it must be."""
        large = self.databases[-1]
        slow = [
            f"{_TITLES[name]}: {ratio:.2f} of the empty log, not {AIM}"
            for name, of_cell in self.cells.items()
            if (ratio := ratio_of(of_cell[large], of_cell[self.databases[0]])) < AIM
        ]
        errors = [
            f"{_TITLES[name]}: {failed} errors with {side}"
            for results in (self.cells, self.processes)
            for name, of_cell in results.items()
            for side, measured in of_cell.items()
            if (failed := sum(run.errors for run in measured.runs))
        ]
        return slow + errors + [f"{fault}: {one.query[:200]}" for one in self.plans for fault in one.faults]


def ratio_of(one: Measured, other: Measured) -> float:
    """How fast one server is compared with another: the median over the rounds, in which they were
    neighbours."""
    return median(a.rate / b.rate for a, b in zip(one.runs, other.runs, strict=True))


def text(report: Report) -> str:
    """All tables."""
    parts = [
        _cells(report),
        _costs(report),
        _starts(report),
        _processes(report),
        _plans(report),
        _sizes(report),
    ]
    return "\n\n".join(part for part in parts if part)


def write(report: Report, command: str) -> None:
    """Write the tables and the curves into the documentation."""
    PICTURES.mkdir(exist_ok=True)
    curves = {"ratio": _ratio_curve(report), "processes": _process_curve(report)}
    for name, drawn in curves.items():
        if drawn:
            (PICTURES / f"{name}.svg").write_text(drawn)
    shown = "\n\n".join(f"![{name}]({PICTURES.name}/{name}.svg)" for name, drawn in curves.items() if drawn)
    written = f"{machine(command)}\n\n{_verdict(report)}\n\n{shown}\n\n{text(report)}"
    PAGE.write_text(replaced(PAGE.read_text(), "scale", written))


def _verdict(report: Report) -> str:
    return (
        "Not as it must be: " + "; ".join(report.faults) + "."
        if report.faults
        else "All cells and plans are as they must be."
    )


def _cells(report: Report) -> str:
    empty, *others = report.databases
    lines = [
        "### The cells",
        "",
        "| work | " + " | ".join(f"{name}, per second" for name in report.databases)
        + " | " + " | ".join(f"ratio, {name}" for name in others)
        + " | p99, " + " | p99, ".join(report.databases) + " |",
        "|---|" + "---:|" * (len(report.databases) * 2 + len(others)),
    ]  # fmt: skip
    for name, of_cell in report.cells.items():
        rates = [_spread(of_cell[database]) for database in report.databases]
        ratios = [f"{ratio_of(of_cell[database], of_cell[empty]):.2f}" for database in others]
        waits = [f"{of_cell[database].median.p99:.1f} ms" for database in report.databases]
        lines.append(f"| {_TITLES[name]} | " + " | ".join([*rates, *ratios, *waits]) + " |")
    return "\n".join(lines)


def _spread(measured: Measured) -> str:
    rates = [run.rate for run in measured.runs]
    return f"{measured.median.rate:.0f} ({min(rates):.0f}–{max(rates):.0f})"


def _costs(report: Report) -> str:
    empty, large = report.databases[0], report.databases[-1]
    lines = [
        "Processor time per unit of work in µs: of the server, of the background work, of PostgreSQL.",
        "",
        f"| work | server: {empty} | {large} | background: {empty} | {large} | PostgreSQL: {empty} | {large} |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, of_cell in report.cells.items():
        one, other = of_cell[empty].median, of_cell[large].median
        lines.append(
            f"| {_TITLES[name]} | {one.server:.0f} | {other.server:.0f} | {one.background:.0f} | {other.background:.0f}"
            f" | {one.database:.0f} | {other.database:.0f} |"
        )
    return "\n".join(lines)


def _starts(report: Report) -> str:
    lines = [
        "### Start and memory",
        "",
        "| log | first answer after (each start) | memory after the load | of the background work |",
        "|---|---|---:|---:|",
    ]
    for name in report.databases:
        answering, background = report.memory[name]
        shown = ", ".join(f"{seconds:.2f} s" for seconds in report.starts[name])
        lines.append(f"| {name} | {shown} | {sum(answering):.0f} MB | {background:.0f} MB |")
    return "\n".join(lines)


def _processes(report: Report) -> str:
    if not report.processes:
        return ""
    numbers = list(next(iter(report.processes.values())))
    first = numbers[0]
    lines = [
        "### Several processes",
        "",
        "On the largest log. The cores are shared with PostgreSQL and with what generates the load, so the rate says"
        " what this machine does; the processor time per unit of work says what another process costs.",
        "",
        "| work | processes | per second | of one process | p99 | µs: servers | background | PostgreSQL |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, of_cell in report.processes.items():
        for number in numbers:
            one = of_cell[number].median
            lines.append(
                f"| {_TITLES[name]} | {number} | {_spread(of_cell[number])}"
                f" | {ratio_of(of_cell[number], of_cell[first]):.2f} | {one.p99:.1f} ms"
                f" | {one.server:.0f} | {one.background:.0f} | {one.database:.0f} |"
            )
    for number in numbers:
        answering, background = report.memory[f"{number} processes"]
        shown = ", ".join(f"{megabytes:.0f}" for megabytes in answering)
        lines.append(f"\nMemory with {number}: {shown} MB, and {background:.0f} MB of the background work.")
    return "\n".join(lines)


def _plans(report: Report) -> str:
    faults = sum(bool(one.faults) for one in report.plans)
    lines = [
        "### Plans",
        "",
        f"{len(report.plans)} different statements, from the start to the last cell, the background work included;"
        f" {faults or 'none'} of them read all of a large table, or more rows than an answer needs. Those that read the"
        f" most rows of a table:",
        "",
        "| statement | runs | most rows | longest | how |",
        "|---|---:|---:|---:|---|",
    ]
    for one in report.plans[:_SHOWN]:
        query = one.query[:_QUERY].replace("|", "\\|") + ("…" if len(one.query) > _QUERY else "")
        ways = "; ".join(one.ways[:4]) + ("; …" if len(one.ways) > 4 else "")
        lines.append(f"| `{query}` | {one.runs} | {one.rows:,} | {one.milliseconds:.1f} ms | {ways} |")
    return "\n".join(lines)


def _sizes(report: Report) -> str:
    shown = [f"`{table}` {size / 1e6:,.0f} MB" for table, size in report.sizes.items() if size > 5e6]
    return (
        f"### Sizes\n\nThe tables of the largest log with their indexes: {', '.join(shown)}."
        f" {report.proved:,} events of it were verified, in batches that are spread over all of it."
    )


def _ratio_curve(report: Report) -> str:
    empty = report.databases[0]
    series = {
        _TITLES[name]: [
            (number, ratio_of(of_cell[database], of_cell[empty]))
            for number, database in enumerate(report.databases)
        ]
        for name, of_cell in report.cells.items()
    }
    return line_chart(
        "Requests per second, of those on the empty log",
        Axis("events in the log", report.databases), Axis("ratio"), series,
    )  # fmt: skip


def _process_curve(report: Report) -> str:
    series = {
        _TITLES[cell.name]: [
            (int(number), measured.median.rate) for number, measured in report.processes[cell.name].items()
        ]
        for cell in BUSY
        if cell.name in report.processes
    }
    return (
        line_chart("Requests per second by processes", Axis("processes"), Axis("per s"), series)
        if series
        else ""
    )
