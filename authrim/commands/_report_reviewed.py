"""``authrim report reviewed``: records that somebody reviewed who can do what."""

from pathlib import Path
from typing import Any

import click

from authrim.commands._administering import Office, administer, print_fields
from authrim.reports.reviewing import record_review
from domain.errors import Refusal


@click.command("reviewed")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--reason", default="", help="What came of it, such as a ticket. Recorded; nothing personal.")
@click.pass_context
def reviewed(context: click.Context, folder: Path, reason: str) -> None:
    """Record that you reviewed who can do what, in the report in FOLDER.

    The report must be made from this log, and have the section access_review. The event names its last position and
    its digest, so later reports tell what changed since. What you found wrong is changed by other commands, and
    recorded by these.
    """

    async def work(office: Office) -> dict[str, Any] | Refusal:
        recorded = await record_review(office.store, office.tenant, folder, reason)
        if isinstance(recorded, Refusal):
            return recorded
        report, digest = recorded
        return {"reviewed_to": report.period.last_position, "report_sha256": digest}

    print_fields(context, administer(context, work))
