"""A small quarter of a server's life: every figure of its report against a count that is made from the raw log."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from authrim.audit.past.moments import Time
from authrim.reports.catalog import frameworks
from authrim.reports.files import new_folder
from authrim.reports.making import Wanted, make_report
from authrim.reports.period import period_of
from authrim.reports.positions import read_positions
from authrim.store.sqlite.store import SQLiteStore
from bench.quarter import BEGIN, DAYS, Quarter, Size
from domain.report.model import Period
from domain.units import DAY, MICROSECONDS
from tests.audit.bundle.bundles import ORIGIN, SIGNER, silent
from tests.reports.naive_counts import Counted, count, rows

SMALL: Final = Size(accounts=300, clients=10, events=12_000, rounds=60)
#: Figures that are read from the ledger, or from what lies between events.
_OF_THE_LEDGER: Final = {
    "log_integrity.batches", "log_integrity.chain", "log_integrity.pause", "log_integrity.longest_wait",
}  # fmt: skip
_SECTIONS: Final = ("sign_ins", "consents", "revocations", "incidents", "log_integrity")


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of its log."""
    path = tmp_path_factory.mktemp("quarter") / "authrim.db"
    Quarter(path, SMALL).write()
    return path


async def report_on(path: Path, folder: Path) -> dict[str, Any]:
    """A report on the quarter, as JSON."""
    store = SQLiteStore(path)
    await store.open()
    try:
        period = await period_of(store, Time(BEGIN * MICROSECONDS), Time((BEGIN + DAYS * DAY) * MICROSECONDS))
        assert isinstance(period, Period), period
        wanted = Wanted(frameworks()["log-evidence"], "default", period, ORIGIN, SIGNER)
        with new_folder(folder) as partial:
            await make_report(store, wanted, partial, silent)
    finally:
        await store.close()
    report: dict[str, Any] = json.loads((folder / "report.json").read_bytes())["report"]
    return report


def figures(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The figures of the sections that are counted here."""
    for section in report["sections"]:
        if section["id"] in _SECTIONS:
            yield from section["figures"]


def differences(report: dict[str, Any], folder: Path, counted: Counted) -> dict[str, tuple[Any, Any]]:
    """By figure, what the report says and what was counted, where that is not the same."""
    wrong: dict[str, tuple[Any, Any]] = {}
    for figure in figures(report):
        name = figure["id"]
        if name in _OF_THE_LEDGER:
            continue
        at = [
            position
            for found in read_positions(folder / figure["positions"]["file"])
            for position in range(found.first, found.last + 1)
        ]
        if name != "log_integrity.empty_days" and at != counted.positions[name]:
            wrong[name] = at[:5], counted.positions[name][:5]
        if figure["value"] != counted.value(name):
            wrong[name] = figure["value"], counted.value(name)
    return wrong


async def test_every_figure_is_the_count_of_the_raw_log(quarter: Path, tmp_path: Path) -> None:
    """Each figure and its positions are those of a naive count that shares no code with the report, and nothing that
    was counted is missing in the report."""
    report = await report_on(quarter, tmp_path / "r")
    period = report["period"]
    counted = count(rows(quarter), period["first_position"], period["last_position"], DAYS)
    assert differences(report, tmp_path / "r", counted) == {}
    named = {figure["id"] for figure in figures(report)}
    assert set(counted.positions) | set(counted.values) <= named
    values = {figure["id"]: figure["value"] for figure in figures(report)}
    for name in ("sign_ins.by_session", "revocations.notices_failed", "incidents.open", "consents.withdrawn"):
        assert values[name] > 0, name
    others = {section["id"]: section for section in report["sections"]}
    assert set(others) >= {"erasures", "administration", "dormant", "tokens"}


async def test_the_quarter_is_the_same_log_again(quarter: Path, tmp_path: Path) -> None:
    """The simulation of a size is one log: what was measured on it can be measured again."""
    Quarter(tmp_path / "again.db", SMALL).write()
    assert list(rows(quarter)) == list(rows(tmp_path / "again.db"))
