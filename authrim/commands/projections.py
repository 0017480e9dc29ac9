"""``authrim projections``: verify that the tables match the log, or rebuild them from it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from authrim.audit import rebuild as rebuilding
from authrim.audit.archives.folder import BadArchive
from authrim.audit.archives.log import archives_at
from authrim.audit.rebuild import ARCHIVED, MISSING, Report
from authrim.audit.sentences import shown
from authrim.commands._common import emit, progress_of, run_with_store, settings_of
from authrim.metrics.failures import in_words
from authrim.store.read_back import ReadBack


@click.group()
def projections() -> None:
    """Verify or rebuild the tables that are computed from the log."""


ARCHIVES: Final = click.option(
    "--archives",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Archives of the log (authrim log archive): read events there that the database lacks. "
    "Default: the setting log_archives.",
)


@projections.command("verify")
@ARCHIVES
@click.pass_context
def verify(context: click.Context, archives: Path | None) -> None:
    """Replay the log and report each row that differs. Changes nothing; the server may keep running."""
    report = _replay(context, rebuilding.verify, archives)
    if not report.fits or not report.position:
        context.exit(1)


@projections.command("rebuild")
@ARCHIVES
@click.pass_context
def rebuild(context: click.Context, archives: Path | None) -> None:
    """Replay the log and correct each row that differs, in one transaction. On PostgreSQL with the owner's role."""
    report = _replay(context, rebuilding.rebuild, archives)
    if not report.repaired or not report.position:
        context.exit(1)


def _replay(
    context: click.Context, replay: Callable[..., Awaitable[Report]], archives: Path | None
) -> Report:
    folder = archives or settings_of(context).log_archives

    async def work(store: ReadBack) -> Report:
        with progress_of("Replaying the log") as progress, archives_at(store, folder) as archived:
            return await replay(store, progress, archives=archived)

    try:
        report = run_with_store(context, work)
    except BadArchive as bad:
        raise click.ClickException(f"Nothing was proved or changed: {bad}.") from None
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
        lines.append(
            Text(f"  position {failure.position} cannot be read: {in_words(failure.kind)}", style="red")
        )
    if any(failure.kind in (MISSING, ARCHIVED) for failure in report.unreadable):
        lines.append(
            Text("  It may be in an archive: give its directory with --archives, or set log_archives.")
        )
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
