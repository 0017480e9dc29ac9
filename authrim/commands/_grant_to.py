"""``--grant-to``: the role that runs the server on PostgreSQL, and what is left to an administrator."""

from typing import Final

import click

from authrim.store.postgres.application_role import role_settings


def _named(_context: click.Context, _parameter: click.Parameter, role: str | None) -> str | None:
    if role == "":
        raise click.UsageError("--grant-to needs the name of a role")
    return role


grant_to_option: Final = click.option(
    "--grant-to",
    metavar="ROLE",
    callback=_named,
    help="Let this PostgreSQL role run the server, and nothing more.",
)


def tell_what_is_left(role: str) -> None:
    """Tell the statements that keep the settings of the role, on standard error: the owner may not run them."""
    statements = "".join(f"    {statement};\n" for statement in role_settings(role))
    told = (
        "The role may run the server. This one may not keep settings with it (CREATEROLE and the ADMIN option on the "
        "role are wanted).\nNothing is missing unless a pooler in transaction mode stands before PostgreSQL "
        f"(database_pooled); then run as an administrator:\n{statements}"
    )
    click.echo(told, err=True)
