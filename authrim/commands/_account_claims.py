"""``authrim account set-claims``, ``set-claim``, ``set-groups`` and ``set-roles``: what is known of a person."""

from typing import Any, BinaryIO, Final

import click

from authrim.commands._administering import Office
from authrim.commands._one_account import on_account, print_account
from authrim.commands._options import read_json_object
from authrim.core.claim_definitions import read_catalogue
from authrim.crypto import strict_json
from authrim.people import person_claims
from domain.claim.values import ARRAY, STRING
from domain.errors import Refusal
from domain.person.account import Account

CLAIMS_FILE: Final = click.File("rb")


@click.command("set-claims")
@click.argument("account")
@click.argument("claims_file", type=CLAIMS_FILE, metavar="FILE")
@click.pass_context
def set_claims(context: click.Context, account: str, claims_file: BinaryIO) -> None:
    """Replace the claims of OIDC Core 5.1 with those of a JSON file; - is stdin.

    Groups, roles and defined claims stay, unless the file names them.
    """
    claims = read_claims(claims_file)

    async def work(office: Office, subject: str) -> Account | Refusal:
        return await person_claims.set_claims(office.store, office.private, office.tenant, subject, claims)

    print_account(context, on_account(context, account, work))


@click.command("set-claim")
@click.argument("account")
@click.argument("name")
@click.argument("values", nargs=-1, metavar="[VALUE]...")
@click.pass_context
def set_claim(context: click.Context, account: str, name: str, values: tuple[str, ...]) -> None:
    """Replace one claim of a person. Without a VALUE, take it away.

    NAME is a claim of OIDC Core 5.1, groups, roles, or one of `authrim claim list`. VALUE is a text, a number, true or
    false, or an object in JSON, as the claim is defined. An array has one VALUE for each entry. Other processes can see
    the arguments of a command: give what they may not see in a file, with set-claims.
    """

    async def work(office: Office, subject: str) -> Account | Refusal:
        kind = (await read_catalogue(office.store, office.tenant)).json_type_of(name)
        value = value_of(values, kind)
        return await person_claims.set_claim(
            office.store, office.private, office.tenant, subject, name, value
        )

    print_account(context, on_account(context, account, work))


def value_of(values: tuple[str, ...], kind: str | None) -> Any:
    """The words of a command line as a value of that JSON type. What is not of the type is left as it was written, for
    the rules to refuse; as is the value of a claim that nobody knows."""
    if kind == ARRAY:
        return list(values)
    if len(values) > 1:
        raise click.UsageError("Give one VALUE: the claim is not an array.")
    if not values or kind in (STRING, None):
        return values[0] if values else None
    try:
        return strict_json.loads(values[0].encode())
    except strict_json.JsonRefused:
        return values[0]


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
        return await person_claims.set_claim(
            office.store, office.private, office.tenant, subject, name, list(values)
        )

    print_account(context, on_account(context, account, work))


def read_claims(file: BinaryIO) -> dict[str, Any]:
    """The claims of a file."""
    return read_json_object(file.read(), "claims", "a JSON object")
