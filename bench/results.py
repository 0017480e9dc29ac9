"""What a comparison found, as it is written beside the page, and how it is held against the last release."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

OURS: Final = "authrim"
REFERENCE: Final = "node-postgresql"
RELEASES: Final = Path(__file__).parent / "releases"
#: A ratio below this share of the last release's has fallen: noise alone moves one by a few hundredths.
LEAST_SHARE: Final = 0.9


class Spread(msgspec.Struct, frozen=True):
    """The median of some values, the lowest and the highest."""

    median: float
    lowest: float
    highest: float


class CellOfServer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a server did in a cell: units of work per second, latencies per request in ms, processor time per unit in
    ms. ``refused`` says why there is no figure."""

    refused: str = ""
    runs: int = 0
    rate: Spread | None = None
    p50: float = 0.0
    p99: float = 0.0
    server_ms: float = 0.0
    beside_ms: float = 0.0
    database_ms: float = 0.0


class MeasuredCell(msgspec.Struct, frozen=True):
    """A cell: what each server did, and the ratio of its work per second to the reference, turn by turn."""

    name: str
    title: str
    aim: float
    servers: dict[str, CellOfServer]
    ratios: dict[str, Spread]


class ServerProcess(msgspec.Struct, frozen=True):
    """A process after the load. ``pss`` and ``rss`` are in MB; shared pages count in parts in ``pss``."""

    answers: bool
    pss: float
    rss: float


class MeasuredServer(msgspec.Struct, frozen=True):
    """A server: seconds from its start to its first answer, and its processes."""

    name: str
    title: str
    first_answer: Spread
    processes: tuple[ServerProcess, ...]


class Machine(msgspec.Struct, frozen=True):
    """Where it ran. ``others`` is how many cores everything else took while wrk ran."""

    processor: str
    cores: int
    memory_gb: float
    kernel: str
    load_before: float
    load_after: float
    others: Spread


class Made(msgspec.Struct, frozen=True):
    """When and how it was measured. A commit with a plus had changes that were not committed."""

    at: str
    commit: str
    command: str
    seconds: int
    rounds: int
    connections: int
    minutes: float


class Results(msgspec.Struct, frozen=True):
    """A whole comparison."""

    made: Made
    machine: Machine
    versions: dict[str, str]
    servers: tuple[MeasuredServer, ...]
    cells: tuple[MeasuredCell, ...]


class Release(msgspec.Struct, frozen=True):
    """The ratios of a release to the reference, by cell, and what they were measured with."""

    version: str
    commit: str
    measured: str
    ratios: dict[str, float]
    versions: dict[str, str] = {}


class Fall(msgspec.Struct, frozen=True):
    """A ratio that is much lower than in the last release."""

    cell: str
    title: str
    now: float
    then: float


def spread_of(values: Iterable[float]) -> Spread:
    """The spread of at least one value."""
    known = sorted(values)
    return Spread(median(known), known[0], known[-1])


def last_release(folder: Path = RELEASES) -> Release:
    """The release with the highest version."""
    files = sorted(folder.glob("*.json"), key=lambda file: [int(part) for part in file.stem.split(".")])
    return msgspec.json.decode(files[-1].read_bytes(), type=Release)


def release_of(results: Results, version: str) -> Release:
    """What is kept of a comparison when a version is released."""
    ratios = {cell.name: round(cell.ratios[OURS].median, 3) for cell in results.cells if OURS in cell.ratios}
    return Release(version, results.made.commit, results.made.at, ratios, results.versions)


def fallen(cells: Sequence[MeasuredCell], release: Release) -> list[Fall]:
    """The ratios that fell by more than a tenth since the release."""
    return [
        Fall(cell.name, cell.title, now.median, then)
        for cell in cells
        if (now := cell.ratios.get(OURS)) and (then := release.ratios.get(cell.name))
        if now.median < LEAST_SHARE * then
    ]


def refusals(cells: Sequence[MeasuredCell]) -> list[str]:
    """Who answered wrongly, where and how."""
    return [
        f"{cell.title}: {name}: {found.refused}"
        for cell in cells
        for name, found in cell.servers.items()
        if found.refused
    ]
