"""``authrim migrate``: create or upgrade the schema of the database."""

import asyncio
from typing import Any, Final

import click

from authrim.commands._administering import print_fields
from authrim.commands._common import failures_told, progress_of, settings_of
from authrim.commands._grant_to import grant_to_option, tell_what_is_left
from authrim.settings import Settings
from authrim.store import migrate as migrations
from authrim.store.postgres.application_role import grant_application_role


@click.command()
@click.option("--check", is_flag=True, help="Change nothing. Exit with status 1 if an upgrade is needed.")
@click.option(
    "--finish",
    is_flag=True,
    help="Also rewrite rows, and take away what only older versions need. First stop the last server of the version "
    "before: it cannot be started again.",
)
@grant_to_option
@click.pass_context
def migrate(context: click.Context, *, check: bool, finish: bool, grant_to: str | None) -> None:
    """Create or upgrade the schema of the database. Safe to repeat, and to run several at once.

    Servers of the version before may run meanwhile and afterwards, until the upgrade is finished.
    """
    settings = settings_of(context)
    if check and finish:
        raise click.UsageError("--check changes nothing, so it does not go with --finish")
    if grant_to is not None and settings.postgres_dsn is None:
        raise click.UsageError("--grant-to is for PostgreSQL")
    answer: dict[str, Any] = {"applied": [], "up_to_date": True}
    with failures_told(settings):
        if check:
            asyncio.run(migrations.check(settings))
        else:
            answer["applied"] = asyncio.run(_finish(settings) if finish else migrations.migrate(settings))
        if unfinished := asyncio.run(migrations.unfinished(settings)):
            answer["to_finish"] = unfinished
            click.echo(_TO_FINISH, err=True)
        if grant_to is not None and settings.postgres_dsn is not None and not check:
            kept = asyncio.run(grant_application_role(settings.postgres_dsn, grant_to))
            answer |= {"granted_to": grant_to, "role_settings": kept}
            if not kept:
                tell_what_is_left(grant_to)
    print_fields(context, answer)


_TO_FINISH: Final = (
    "When the last server of the version before has ended, run `authrim migrate --finish`. Until then you can go back "
    "to that version."
)


async def _finish(settings: Settings) -> list[str]:
    with progress_of("Rewriting rows") as progress:
        return await migrations.finish(settings, progress)
