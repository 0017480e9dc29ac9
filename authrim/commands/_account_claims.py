"""``authrim account set-claims``, ``set-groups`` and ``set-roles``: what is known of a person."""

from typing import Any, BinaryIO, Final

import click

from authrim.commands._administering import Office
from authrim.commands._one_account import on_account, print_account
from authrim.crypto import strict_json
from authrim.people import person_claims
from domain.errors import Refusal
from domain.person.account import Account

CLAIMS_FILE: Final = click.File("rb")


@click.command("set-claims")
@click.argument("account")
@click.argument("claims_file", type=CLAIMS_FILE, metavar="FILE")
@click.pass_context
def set_claims(context: click.Context, account: str, claims_file: BinaryIO) -> None:
    """Replace all claims with those of a JSON file (OIDC Core 5.1); - is stdin.

    Groups and roles stay, unless the file names them.
    """
    claims = read_claims(claims_file)

    async def work(office: Office, subject: str) -> Account | Refusal:
        return await person_claims.set_claims(office.store, office.private, office.tenant, subject, claims)

    print_account(context, on_account(context, account, work))


@click.command("set-groups")
@click.argument("account")
@click.argument("groups", nargs=-1, metavar="[GROUP]...")
@click.pass_context
def set_groups(context: click.Context, account: str, groups: tuple[str, ...]) -> None:
    """Replace the groups that the person is in; the scope groups releases them. Without a GROUP, take all away."""
    _set_membership(context, account, "groups", groups)


@click.command("set-roles")
@click.argument("account")
@click.argument("roles", nargs=-1, metavar="[ROLE]...")
@click.pass_context
def set_roles(context: click.Context, account: str, roles: tuple[str, ...]) -> None:
    """Replace the roles that the person has; the scope roles releases them. Without a ROLE, take all away."""
    _set_membership(context, account, "roles", roles)


def _set_membership(context: click.Context, account: str, name: str, values: tuple[str, ...]) -> None:
    async def work(office: Office, subject: str) -> Account | Refusal:
        return await person_claims.set_membership(
            office.store, office.private, office.tenant, subject, name, values
        )

    print_account(context, on_account(context, account, work))


def read_claims(file: BinaryIO) -> dict[str, Any]:
    """The claims as JSON. An error is reported without quoting the file."""
    try:
        claims = strict_json.loads(file.read())
    except strict_json.JsonRefused as refused:
        raise click.BadParameter(f"the claims are {refused}", param_hint="claims") from None
    if not isinstance(claims, dict):
        raise click.BadParameter("the claims are not a JSON object", param_hint="claims")
    return claims
