"""``authrim report verify``: whether a report is the one that was signed, and says what the log says."""

import asyncio
from pathlib import Path
from typing import Final

import click
from rich.text import Text

from authrim.audit.archives.folder import BadArchive
from authrim.audit.bundle.damage import Damaged
from authrim.audit.past.moments import Time
from authrim.audit.readings import Reading
from authrim.audit.sentences import shown
from authrim.commands._common import UnusableSettings, emit, progress_of, run_with_log, settings_of
from authrim.crypto.signed_note import read_note_key
from authrim.reports.findings import Anchor, Findings
from authrim.reports.opening import OpenedReport, Unusable, open_report
from authrim.reports.recounting import recount_bundle, recount_log
from authrim.store.read_back import ReadBack
from authrim.transparency.keys import public_keys

_IN_WORDS: Final = {
    "proved": ("PROVED", "green"),
    "fault": ("NOT AUTHENTIC", "bold red"),
    "unproved": ("NO FAULT FOUND, BUT NOT PROVED", "bold yellow"),
}
#: For whoever was given a report and has no server.
_ELSEWHERE: Final = (
    "The figures are counted again from the log of a server, and no server is configured here. On another machine give "
    "--bundle FILE or --files-only, and the --key of the log."
)
_STATUS: Final = {"proved": 0, "fault": 1, "unproved": 3}


@click.command("verify")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.option(
    "--bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Count the figures again from this bundle, and need no database.",
)  # fmt: skip
@click.option("--key", help="The public key of the log, NAME+ID+KEY, or a file that has it.")
@click.option("--files-only", is_flag=True, help="Count nothing again: check the signature and the files.")
@click.pass_context
def verify(
    context: click.Context, folder: Path, bundle: Path | None, key: str | None, *, files_only: bool
) -> None:
    """Verify the report in DIR: its signature, every file, and each figure, which is counted again.

    The figures are counted again from the log of the configured database, or from a --bundle of authrim audit export.
    With a bundle or --files-only give the --key of the log, which you got from its operator and not from the report.

    Exit status: 0 proved, 1 a fault was found, 2 it could not run, 3 no fault was found, but something decisive could
    not be checked.
    """
    anchor = None if key is None else Anchor((_key_of(key),), "the key that you gave")
    findings = Findings()
    try:
        if bundle is not None or files_only:
            opened = open_report(folder, anchor, findings)
            if files_only:
                findings.unchecked.append("the figures: with --files-only they are not counted again")
            elif opened is not None and bundle is not None:
                recount_bundle(bundle, opened, anchor, findings)
        else:
            archives = _archives(context)

            async def work(store: ReadBack, log: Reading) -> None:
                await _by_log(store, log, folder, anchor, findings, archives)

            run_with_log(context, work)
    except (Unusable, OSError) as unusable:
        raise click.UsageError(str(unusable)) from None
    emit(context, findings.as_json(), _text(findings))
    context.exit(_STATUS[findings.result])


def _archives(context: click.Context) -> Path | None:
    try:
        return settings_of(context).log_archives
    except UnusableSettings as unusable:
        raise UnusableSettings(f"{unusable.message}\n{_ELSEWHERE}") from None


async def _by_log(
    store: ReadBack,
    log: Reading,
    folder: Path,
    anchor: Anchor | None,
    findings: Findings,
    archives: Path | None,
) -> None:
    if anchor is None:
        keys = tuple(one.encoded() for one in await public_keys(store))
        anchor = Anchor(keys, "a key of this log")
    opened: OpenedReport | None = await asyncio.to_thread(open_report, folder, anchor, findings)
    if opened is None:
        return
    period = opened.report.period
    log.needs(opened.report.tree_size, period.last_position, Time(period.ends_at))
    try:
        with progress_of("Counting again") as progress:
            await recount_log(log, opened, findings, progress, archives)
    except BadArchive as bad:
        raise click.ClickException(f"An archive cannot be used. {bad}. Look at log_archives.") from None
    except Damaged as damaged:
        raise click.ClickException(f"{damaged.in_words} {damaged.hint}") from None


def _key_of(text: str) -> str:
    path = Path(text)
    written = path.read_text().strip() if path.is_file() else text
    if read_note_key(written) is None:
        raise click.BadParameter("this is no key of the form NAME+ID+KEY", param_hint="--key")
    return written


def _text(findings: Findings) -> Text:
    lines = [f"checked: {text}" for text in findings.checked]
    lines += [f"NOT CHECKED: {text}" for text in findings.unchecked]
    for fault in findings.faults:
        where = ", ".join(name for name in (fault["figure"], fault["file"]) if name)
        lines.append(f"FAULT at {where}: {fault['what']}")
    word, style = _IN_WORDS[findings.result]
    return Text("\n".join(shown(line) for line in lines) + "\n").append(word, style)
