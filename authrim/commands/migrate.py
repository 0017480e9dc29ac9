"""``authrim migrate``: bring the database to the schema of this version."""

import asyncio

import click

from authrim.commands.administering import print_fields
from authrim.commands.common import settings_of
from authrim.store import migrate as migrations
from authrim.store.contract import StoreError


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; end with status 1 when something is to be done.")
@click.option("--grant-to", metavar="ROLE", help="Let this PostgreSQL role run the server, and nothing more.")
@click.pass_context
def migrate(context: click.Context, *, check: bool, grant_to: str | None) -> None:
    """Bring the database to the schema of this version. Safe to run again, also by several at once."""
    settings = settings_of(context)
    if grant_to is not None and settings.postgres_dsn is None:
        raise click.UsageError("--grant-to is for PostgreSQL")
    try:
        if check:
            asyncio.run(migrations.check(settings))
            applied: list[str] = []
        else:
            applied = asyncio.run(migrations.migrate(settings))
            if grant_to is not None and settings.postgres_dsn is not None:
                asyncio.run(migrations.grant_application_role(settings.postgres_dsn, grant_to))
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    print_fields(context, {"applied": applied, "up_to_date": True})
