"""A small quarter of a server's life: every figure of its report against a count that is made from the raw log."""

import json
import re
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
from domain.vocabulary.causes import REASONS
from tests.audit.bundle.bundles import ORIGIN, SIGNER, silent
from tests.reports.naive_counts import count, of_ledger
from tests.reports.raw_rows import Counted, ledger, rows

SMALL: Final = Size(accounts=300, clients=10, events=12_000, rounds=60)
_SECTIONS: Final = (
    "sign_ins", "consents", "revocations", "incidents", "log_integrity", "administration", "changes", "secret_age",
    "tokens", "dormant", "access_review", "erasures",
)  # fmt: skip


#: What the quarter has, so that it is not zeros alone that are compared.
_HAPPENED: Final = (
    "sign_ins.by_session", "revocations.notices_failed", "incidents.open", "consents.withdrawn",
    "administration.superuser", "administration.unknown", "administration.no_reason", "administration.exports",
    "administration.questions_on_person", "changes.by.admin", "changes.of.webhook", "secret_age.keys_used",
    "secret_age.master_keys", "secret_age.secrets_old", "secret_age.clients_without_valid_secret",
    "secret_age.secrets_without_expiry", "secret_age.passwords_old", "tokens.dpop", "tokens.opaque",
    "tokens.of_clients", "dormant.accounts_dormant", "dormant.accounts_disabled", "dormant.clients_never",
    "access_review.holders_unable", "access_review.holders_idle", "access_review.clients_public",
    "access_review.clients_read_log", "access_review.clients_introspect",
    "access_review.clients_by_themselves", "access_review.clients_without_consent",
    "access_review.clients_removed", "dormant.clients_dormant", "access_review.clients_changed",
    "access_review.webhooks", "access_review.changed_since_review", "erasures.waiting", "erasures.overdue",
    "erasures.withdrawn", "erasures.voided", "erasures.two_persons", "erasures.keys_destroyed",
    "changes.weaker", "secret_age.master_keys_given_up", "access_review.registration", "access_review.tokens_open",
    "access_review.signals", "access_review.receivers_changed", "access_review.signal_people_removed",
    "access_review.signal_people_added", "revocations.signals", "revocations.signals_refused",
    "revocations.signals_checked", "sign_ins.requests", "sign_ins.answered", "sign_ins.ended", "sign_ins.refused",
    "erasures.longest", "erasures.holds", "erasures.holds_without_end", "erasures.holds_released",
)  # fmt: skip


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of its log."""
    path = tmp_path_factory.mktemp("quarter") / "authrim.db"
    Quarter(path, SMALL).write()
    return path


#: The figures of one cause each.
_BY_CAUSE = re.compile(r"sign_ins\.(clients_)?failed_by\.|revocations\.(grants|sessions|at_once)_by\.")


async def report_on(
    path: Path, folder: Path, *, framework: str = "log-evidence", documents: bool = True
) -> dict[str, Any]:
    """A report on the quarter, as JSON. ``documents``: those whose parts are installed are drawn."""
    store = SQLiteStore(path)
    await store.open()
    try:
        period = await period_of(store, Time(BEGIN * MICROSECONDS), Time((BEGIN + DAYS * DAY) * MICROSECONDS))
        assert isinstance(period, Period), period
        wanted = Wanted(frameworks()[framework], "default", period, ORIGIN, SIGNER, documents)
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


def counted(log: Path, report: dict[str, Any]) -> Counted:
    """What the report on this log should say."""
    period = report["period"]
    places = period["first_position"], period["last_position"]
    found = count(rows(log), places, DAYS, period["ends_at"] // MICROSECONDS)
    of_ledger(ledger(log), places, found)
    return found


def differences(report: dict[str, Any], folder: Path, naive: Counted) -> dict[str, tuple[Any, Any]]:
    """By figure, what the report says and what was counted, where that is not the same."""
    wrong: dict[str, tuple[Any, Any]] = {}
    for figure in figures(report):
        name = figure["id"]
        at = [
            position
            for found in read_positions(folder / figure["positions"]["file"])
            for position in range(found.first, found.last + 1)
        ]
        if name != "log_integrity.empty_days" and at != naive.positions[name]:
            wrong[name] = at[:5], naive.positions[name][:5]
        if figure["value"] != naive.value(name):
            wrong[name] = figure["value"], naive.value(name)
    return wrong


async def test_every_figure_is_the_count_of_the_raw_log(quarter: Path, tmp_path: Path) -> None:
    """Each figure and its positions are those of a naive count that shares no code with the report, and nothing that
    was counted is missing in the report."""
    report = await report_on(quarter, tmp_path / "r")
    naive = counted(quarter, report)
    assert differences(report, tmp_path / "r", naive) == {}
    named = {figure["id"] for figure in figures(report)}
    assert set(naive.positions) | set(naive.values) <= named
    values = {figure["id"]: figure["value"] for figure in figures(report)}
    for name in _HAPPENED:
        assert values[name], name


async def test_causes_are_told_in_words(quarter: Path, tmp_path: Path) -> None:
    """Whoever reads why something failed or ended needs no word of ours: a sentence tells each cause, and beside it is
    the word that the log has."""
    report = await report_on(quarter, tmp_path / "r", documents=False)
    told = {figure["id"]: figure for figure in figures(report)}
    causes = {name: figure for name, figure in told.items() if _BY_CAUSE.match(name)}
    assert len({name.split(".")[1] for name in causes}) == 5, "failed and ended in every way"
    for name, figure in causes.items():
        word = name.rpartition(".")[2]
        assert "_" not in figure["label"], name
        assert REASONS[word] in figure["meaning"], name
        assert f"The log calls it {word}." in figure["meaning"], name
    rows = [row for section in report["sections"] for table in section["tables"] for row in table["rows"]]
    assert ("password wrong", told["sign_ins.failed_by.password_wrong"]["value"]) in map(tuple, rows)


async def test_the_quarter_is_the_same_log_again(quarter: Path, tmp_path: Path) -> None:
    """The simulation of a size is one log: what was measured on it can be measured again."""
    Quarter(tmp_path / "again.db", SMALL).write()
    assert list(rows(quarter)) == list(rows(tmp_path / "again.db"))
