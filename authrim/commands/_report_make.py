"""``authrim report FRAMEWORK``: what the log shows of a period, for a framework, in a folder that can be verified."""

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from authrim.audit.archives.folder import BadArchive
from authrim.audit.bundle.damage import Damaged
from authrim.audit.past.moments import Time
from authrim.commands._administering import Office, print_fields
from authrim.commands._audit_transparency import administered, checkpoints_of
from authrim.commands._common import progress_of
from authrim.commands._moments import MomentType
from authrim.commands._one_account import asker_of
from authrim.core.questions import refuse_reason
from authrim.reports.catalog import BadFramework, frameworks
from authrim.reports.files import FolderUnusable, new_folder
from authrim.reports.making import Wanted, make_report
from authrim.reports.period import period_of
from authrim.reports.render.pdf import INSTALL
from authrim.reports.renderings import PDF
from authrim.transparency.signer import log_signer
from domain.errors import Refusal, invalid_request
from domain.report.model import Period, Report

#: The kind of question that making a report is (A300).
QUESTION: Final = "report"


class Asked(msgspec.Struct, frozen=True):
    """The arguments of the command."""

    framework: str
    first: int | Time | None
    last: int | Time | None
    reason: str


@click.command("make")
@click.argument("framework")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to make; a new one.")
@click.option(
    "--from", "first", type=MomentType(), help="From this time or position. Default: the beginning."
)
@click.option(
    "--to", "last", type=MomentType(), help="Before this time, or up to this position. Default: the end."
)
@click.option("--reason", default="", help="Why you make it. Recorded; nothing personal.")
@click.pass_context
def make(context: click.Context, /, out: Path, **arguments: Any) -> None:
    """Write a report on a period for FRAMEWORK: what the log shows, and the events behind each figure.

    The folder has report.json, which is signed, its tables as CSV, and the positions of the events behind each figure.
    docs/audit/reports.md says what is in it and how to verify it. The same positions give the same bytes. The report
    names nobody: people are pseudonyms. Making it is recorded in the log before anything is written.

    authrim report frameworks lists the frameworks.
    """
    asked = Asked(**arguments)

    async def work(office: Office) -> Report | Refusal:
        return await _make(context, office, asked, out)

    report = administered(context, work)
    if not (out / PDF).exists():
        click.echo(INSTALL, err=True)
    print_fields(context, {"folder": str(out), **_summary(report)})


async def _make(context: click.Context, office: Office, asked: Asked, out: Path) -> Report | Refusal:
    try:
        known = frameworks(office.settings.report_frameworks)
    except BadFramework as bad:
        return bad_framework(bad)
    framework = known.get(asked.framework)
    if framework is None:
        return invalid_request(
            f"There is no framework {asked.framework!r}.", hint=f"There are: {', '.join(known)}."
        )
    refusal = refuse_reason(asked.reason, demanded=False)
    office.log.needs(asked.first, asked.last)
    period = refusal or await period_of(office.log, asked.first, asked.last)
    if isinstance(period, Refusal):
        return period
    try:
        signer = await log_signer(checkpoints_of(office))
        with new_folder(out) as folder:
            refusal = await _record(context, office, asked, period)
            if refusal is not None:
                return refusal
            archives = office.settings.log_archives
            wanted = Wanted(framework, office.tenant, period, signer.origin, signer, archives=archives)
            with progress_of("Reading the log") as progress:
                return await make_report(office.log, wanted, folder, progress)
    except FolderUnusable as unusable:
        raise click.UsageError(str(unusable)) from None
    except Damaged as damaged:
        return invalid_request(
            damaged.in_words,
            hint=f"Nothing was reported. {damaged.hint}",
        )
    except BadArchive as bad:
        return invalid_request(
            f"An archive cannot be used. {bad}.", hint="Nothing was reported. Look at log_archives."
        )


async def _record(context: click.Context, office: Office, asked: Asked, period: Period) -> Refusal | None:
    """Record the report, before anything is written."""
    conditions = {
        "framework": asked.framework, "from": str(period.first_position), "to": str(period.last_position),
    }  # fmt: skip
    return await asker_of(context, office, copies=True).record(QUESTION, asked.reason, conditions)


def bad_framework(bad: BadFramework) -> Refusal:
    """The mistakes in the files of frameworks."""
    return invalid_request("A framework has mistakes.", hint="\n  ".join(bad.mistakes))


def _summary(report: Report) -> dict[str, Any]:
    sections = report.sections
    return {
        "framework": report.framework.id,
        "first_position": report.period.first_position,
        "last_position": report.period.last_position,
        "sections": [section.id for section in sections],
        "figures": sum(len(section.figures) for section in sections),
        "findings": [
            {"id": one.id, "severity": one.severity, "text": one.text}
            for section in sections
            for one in section.findings
        ],
        "root": report.root,
    }
