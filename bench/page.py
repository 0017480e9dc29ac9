"""The page of a comparison: tables and charts of its results, between marks in ``docs/operations/benchmarks.md``."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench import charts
from bench.charts import Bar, Range, Row
from bench.generated import replaced
from bench.results import (
    OURS,
    REFERENCE,
    CellOfServer,
    Fall,
    MeasuredCell,
    MeasuredServer,
    Release,
    Results,
    Spread,
    fallen,
    refusals,
)

#: The name of the marks between which the page is written.
MARK: Final = "comparison"
#: Above this many cores taken by others, the page says that the machine was not quiet.
_QUIET: Final = 0.2


def write(results: Results, release: Release, page: Path, folder: Path) -> None:
    """Put the results into the page, and the charts and ``comparison.json`` into the folder beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in drawn(results).items():
        (folder / name).write_text(text)
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (folder / "comparison.json").write_bytes(encoded + b"\n")
    empty = f"# Benchmarks\n\n<!-- begin {MARK} -->\n<!-- end {MARK} -->\n"
    before = page.read_text() if page.exists() else empty
    page.write_text(replaced(before, MARK, text_of(results, release, folder.name)))


def text_of(results: Results, release: Release, folder: str) -> str:
    """What stands between the marks; charts are in ``folder`` beside the page."""
    return "\n".join(
        [
            _introduction(results),
            *_verdict(results, release),
            "## Work per second",
            "",
            f"![Ratios to node-oidc-provider on PostgreSQL]({folder}/ratios.svg)",
            "",
            _rates(results, release),
            "## Latency",
            "",
            f"![Latencies from the median to the 99th percentile]({folder}/latency.svg)",
            "",
            "Milliseconds per request: the median, and what 99 of 100 requests stay under.",
            "",
            _table_of_cells(results, lambda one: f"{one.p50:.1f} / {one.p99:.1f}"),
            "## Processor time",
            "",
            f"![Processor time of server and database]({folder}/processor.svg)",
            "",
            "Milliseconds per unit of work: the server's processes that answer + its other processes + PostgreSQL. "
            "What a run leaves to be done counts until it is done, at most four seconds.",
            "",
            _table_of_cells(results, _processor_times),
            "## Memory and start",
            "",
            f"![Memory after the load]({folder}/memory.svg)",
            "",
            _servers(results),
            "## What it ran on",
            "",
            _surroundings(results),
        ]
    )


def drawn(results: Results) -> dict[str, str]:
    """The charts by the names of their files."""
    servers = results.servers
    titles = [server.title for server in servers]
    number = {server.name: place for place, server in enumerate(servers)}
    ratios = [
        Row(
            cell.title,
            [
                Bar(
                    number[server.name],
                    (ratio.median,),
                    f"{ratio.median:.2f} ({ratio.lowest:.2f}–{ratio.highest:.2f})",
                    cell.aim if server.name == OURS else None,
                )
                for server in servers
                if server.name != REFERENCE and (ratio := cell.ratios.get(server.name))
            ],
        )
        for cell in results.cells
    ]
    latencies = [
        Row(
            cell.title,
            [
                Range(number[name], found.p50, found.p99, f"{found.p50:.1f} to {found.p99:.1f} ms")
                for name, found in _measured(cell)
            ],
        )
        for cell in results.cells
    ]
    memory = [
        Row(
            server.title,
            [Bar(number[server.name], tuple(one.pss for one in server.processes), _memory(server))],
        )
        for server in servers
    ]
    files = {
        "ratios.svg": charts.bars(
            "Work per second",
            "As a multiple of node-oidc-provider on PostgreSQL (the line); dashes are what we aim for.",
            titles, [row for row in ratios if row.marks], 1.0,
        ),
        "processor.svg": charts.bars(
            "Processor time",
            "Of server and PostgreSQL (pale) per unit of work, as a share of node-oidc-provider's on PostgreSQL.",
            titles, [row for cell in results.cells if (row := _shares(cell, number)).marks], 1.0,
        ),
        "memory.svg": charts.bars(
            "Memory after the load", "MB of all processes (PSS); other processes are pale.", titles, memory
        ),
    }  # fmt: skip
    if any(row.marks for row in latencies):
        files["latency.svg"] = charts.ranges(
            "Latency",
            "Milliseconds with 32 connections, from the median (the point) to the 99th percentile. Logarithmic.",
            titles, [row for row in latencies if row.marks],
        )  # fmt: skip
    return files


def _shares(cell: MeasuredCell, number: dict[str, int]) -> Row:
    """The processor time of the two that keep the most alike, as shares of the reference's."""
    measured = dict(_measured(cell))
    if not {OURS, REFERENCE} <= measured.keys():
        return Row(cell.title, [])
    whole = _total(measured[REFERENCE])
    return Row(
        cell.title,
        [
            Bar(
                number[name],
                ((one.server_ms + one.beside_ms) / whole, one.database_ms / whole),
                f"{_total(one):.3f} ms",
            )
            for name in (OURS, REFERENCE)
            for one in (measured[name],)
        ],
    )


def _total(one: CellOfServer) -> float:
    return one.server_ms + one.beside_ms + one.database_ms


def _measured(cell: MeasuredCell) -> list[tuple[str, CellOfServer]]:
    return [(name, found) for name, found in cell.servers.items() if not found.refused]


def _introduction(results: Results) -> str:
    made, machine = results.made, results.machine
    others = (
        f"other programs took {_cores(machine.others)} of the {machine.cores} cores meanwhile"
        + (": the machine was quiet" if machine.others.median <= _QUIET else ": **the machine was not quiet**")
    )  # fmt: skip
    return (
        f"Measured at commit {made.commit} on {made.at} by `{made.command}`, in {made.minutes:.0f} minutes: "
        f"{made.rounds} runs of {made.seconds} s per server and cell, in turn, after a run to warm up, with "
        f"{made.connections} connections. {machine.processor}, {machine.cores} cores, which also ran PostgreSQL and "
        f"the load; {others}, the load average was {machine.load_before:.1f} before, {machine.load_after:.1f} after. "
        "Figures are medians, with the lowest and the highest in parentheses. The ratio is the median of the turns' "
        "ratios. The same figures are in `benchmarks/comparison.json`.\n"
    )


def _cores(others: Spread) -> str:
    return f"{others.median:.2f} ({others.lowest:.2f}–{others.highest:.2f})"


def _verdict(results: Results, release: Release) -> list[str]:
    lines = [f"- **Refused:** {one}" for one in refusals(results.cells)]
    lines += [f"- **Fell:** {told(one, release)}" for one in fallen(results.cells, release)]
    return [*lines, ""] if lines else []


def told(fall: Fall, release: Release) -> str:
    """A ratio that fell, in words."""
    return f"{fall.title}: {fall.now:.2f}, {fall.then:.2f} in {release.version} ({release.commit})"


def _rates(results: Results, release: Release) -> str:
    servers = [server for server in results.servers if server.name != OURS]
    lines = [
        f"| work | Authrim | ratio | aim | {release.version} | {' | '.join(server.title for server in servers)} |",
        f"|---|---:|---:|---:|---:|{'---:|' * len(servers)}",
    ]
    for cell in results.cells:
        ratio = cell.ratios.get(OURS)
        then = release.ratios.get(cell.name)
        row = [
            cell.title,
            _rate(cell.servers.get(OURS)),
            _spread(ratio, 2) if ratio else "–",
            f"≥ {cell.aim}",
            f"{then:.2f}" if then else "–",
            *(_rate(cell.servers.get(server.name)) for server in servers),
        ]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join([*lines, ""])


def _rate(found: CellOfServer | None) -> str:
    if found is None:
        return "–"
    return _spread(found.rate, 0) if found.rate else "refused"


def _spread(spread: Spread, digits: int) -> str:
    return f"{spread.median:.{digits}f} ({spread.lowest:.{digits}f}–{spread.highest:.{digits}f})"


def _table_of_cells(results: Results, shown: Callable[[CellOfServer], str]) -> str:
    lines = [
        f"| work | {' | '.join(server.title for server in results.servers)} |",
        f"|---|{'---:|' * len(results.servers)}",
    ]
    for cell in results.cells:
        measured = dict(_measured(cell))
        row = [shown(measured[server.name]) if server.name in measured else "–" for server in results.servers]
        lines.append(f"| {cell.title} | {' | '.join(row)} |")
    return "\n".join([*lines, ""])


def _processor_times(one: CellOfServer) -> str:
    return " + ".join(f"{part:.3f}" for part in (one.server_ms, one.beside_ms, one.database_ms))


def _servers(results: Results) -> str:
    lines = [
        "| server | memory of all processes (PSS) | resident, each process | start to first answer |",
        "|---|---:|---:|---:|",
    ]
    for server in results.servers:
        each = " + ".join(f"{one.rss:.0f}" for one in server.processes)
        lines.append(
            f"| {server.title} | {_memory(server)} | {each} MB | {_spread(server.first_answer, 2)} s |"
        )
    answers = "the process that answers comes first; the other one does the background work"
    return "\n".join([*lines, "", f"Of Authrim, {answers}.", ""])


def _memory(server: MeasuredServer) -> str:
    parts = [f"{one.pss:.0f}" for one in server.processes]
    total = sum(one.pss for one in server.processes)
    return f"{total:.0f} MB" + (f" ({' + '.join(parts)})" if len(parts) > 1 else "")


def _surroundings(results: Results) -> str:
    machine = results.machine
    rows: Sequence[tuple[str, str]] = [
        ("processor", f"{machine.processor}, {machine.cores} cores"),
        ("memory", f"{machine.memory_gb:.1f} GB"),
        ("kernel", machine.kernel),
        *results.versions.items(),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""])
