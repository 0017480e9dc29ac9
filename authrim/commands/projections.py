"""``authrim projections``: verify that the tables match the log, or rebuild them from it."""

from collections.abc import Awaitable, Callable
from typing import Any

import click
import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from authrim.audit import rebuild as rebuilding
from authrim.audit.rebuild import Progress, Report
from authrim.audit.sentences import shown
from authrim.commands._common import emit, progress_of, run_with_store
from authrim.store.read_back import ReadBack


@click.group()
def projections() -> None:
    """Verify or rebuild the tables that are computed from the log."""


@projections.command("verify")
@click.pass_context
def verify(context: click.Context) -> None:
    """Replay the log and report each row that differs. Changes nothing; the server may keep running."""
    report = _replay(context, rebuilding.verify)
    if not report.fits or not report.position:
        context.exit(1)


@projections.command("rebuild")
@click.pass_context
def rebuild(context: click.Context) -> None:
    """Replay the log and correct each row that differs, in one transaction. On PostgreSQL with the owner's role."""
    report = _replay(context, rebuilding.rebuild)
    if not report.repaired or not report.position:
        context.exit(1)


def _replay(context: click.Context, replay: Callable[[ReadBack, Progress], Awaitable[Report]]) -> Report:
    async def work(store: ReadBack) -> Report:
        with progress_of("Replaying the log") as progress:
            return await replay(store, progress)

    report = run_with_store(context, work)
    emit(context, _data(report), _text(report))
    return report


def _data(report: Report) -> dict[str, Any]:
    fields = msgspec.to_builtins(report)
    assert isinstance(fields, dict)
    unreadable = [failure._asdict() for failure in report.unreadable]
    ok = report.position > 0 and (report.fits or report.repaired)
    return {"ok": ok, **fields, "unreadable": unreadable}


def _text(report: Report) -> RenderableType:
    lines = [Text(f"Replayed {report.position} events into {', '.join(report.tables)}.")]
    for found in report.differences:
        columns = f": {', '.join(found.columns)}" if found.columns else ""
        lines.append(Text(f"  {found.table} {shown(found.key)} {found.what}{columns}", style="yellow"))
    for failure in report.unreadable:
        lines.append(Text(f"  position {failure.position} cannot be read: {failure.kind}", style="red"))
    return Group(*lines, _conclusion(report))


def _conclusion(report: Report) -> Text:
    if not report.position:
        return Text(
            "The log is empty: there is nothing to compare. Is this the right database?", style="bold red"
        )
    if report.unreadable:
        return Text("Not everything could be read, so nothing was proved or changed.", style="bold red")
    if report.fits:
        return Text("Every row is what the log says.", style="green")
    if report.repaired:
        return Text("These rows were corrected; every row is what the log says now.", style="green")
    return Text("Rows differ from the log. `authrim projections rebuild` corrects them.", style="bold red")
