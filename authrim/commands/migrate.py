"""``authrim migrate``: create or upgrade the schema of the database."""

import asyncio
from typing import Any, Final

import click

from authrim.commands._administering import print_fields
from authrim.commands._common import failures_told, progress_of, settings_of
from authrim.settings import Settings
from authrim.store import migrate as migrations
from authrim.store.postgres.application_role import grant_application_role, role_settings


@click.command()
@click.option("--check", is_flag=True, help="Change nothing. Exit with status 1 if an upgrade is needed.")
@click.option(
    "--finish",
    is_flag=True,
    help="Also rewrite rows, and take away what only older versions need. First stop the last server of the version "
    "before: it cannot be started again.",
)
@click.option("--grant-to", metavar="ROLE", help="Let this PostgreSQL role run the server, and nothing more.")
@click.pass_context
def migrate(context: click.Context, *, check: bool, finish: bool, grant_to: str | None) -> None:
    """Create or upgrade the schema of the database. Safe to repeat, and to run several at once.

    Servers of the version before may run meanwhile and afterwards, until the upgrade is finished.
    """
    settings = settings_of(context)
    if check and finish:
        raise click.UsageError("--check changes nothing, so it does not go with --finish")
    if grant_to is not None and not grant_to:
        raise click.UsageError("--grant-to needs the name of a role")
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
                click.echo(_not_kept(grant_to), err=True)
    print_fields(context, answer)


_TO_FINISH: Final = (
    "When the last server of the version before has ended, run `authrim migrate --finish`. Until then you can go back "
    "to that version."
)


async def _finish(settings: Settings) -> list[str]:
    with progress_of("Rewriting rows") as progress:
        return await migrations.finish(settings, progress)


def _not_kept(role: str) -> str:
    """The statements that are left to an administrator."""
    statements = "".join(f"    {statement};\n" for statement in role_settings(role))
    return (
        "The role may run the server. This one may not keep settings with it (CREATEROLE and the ADMIN option on the "
        "role are wanted).\nNothing is missing unless a pooler in transaction mode stands before PostgreSQL "
        f"(database_pooled); then run as an administrator:\n{statements}"
    )
