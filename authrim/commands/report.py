"""``authrim report``: compliance reports, and their verification."""

from typing import Any, Final

import click

from authrim.commands._administering import print_list
from authrim.commands._common import settings_of
from authrim.commands._report_make import make
from authrim.commands._report_reviewed import reviewed
from authrim.commands._report_schedule import schedule
from authrim.commands._report_verify import verify
from authrim.reports.catalog import BadFramework, frameworks

_MAKE: Final = "make"


class ReportGroup(click.Group):
    """A group in which the name of a framework makes its report: ``report NAME`` is ``report make NAME``."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or the one that makes reports."""
        return super().get_command(ctx, cmd_name) or self.commands[_MAKE]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, and what is left for it: a word that names none is the framework."""
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return _MAKE, self.commands[_MAKE], args


@click.group(cls=ReportGroup, subcommand_metavar="FRAMEWORK | COMMAND [ARGS]...")
def report() -> None:
    """Write compliance reports from the log, and verify them.

    authrim report FRAMEWORK --from TIME --to TIME --out DIR is short for authrim report make FRAMEWORK.
    """


report.add_command(make)
report.add_command(verify)
report.add_command(reviewed)
report.add_command(schedule)


@report.command("frameworks")
@click.pass_context
def show_frameworks(context: click.Context) -> None:
    """List the frameworks that a report can be made for: those that are shipped, and those of your own folder."""
    try:
        known = frameworks(settings_of(context).report_frameworks)
    except BadFramework as bad:
        raise click.ClickException(str(bad)) from None
    rows: list[dict[str, Any]] = [
        {"framework": one.id, "title": one.title, "version": one.version, "controls": len(one.controls)}
        for one in known.values()
    ]
    print_list(context, "frameworks", ("framework", "title", "controls"), rows)
