"""``authrim account grant-role`` and ``take-role``: who may use the server's own pages."""

import click

from authrim.commands._administering import Office, print_fields
from authrim.commands._one_account import on_account
from authrim.people.server_roles import grant_role, roles_of, take_role
from domain.errors import Refusal
from domain.person.role import ROLES


@click.command("grant-role")
@click.argument("account")
@click.argument("role", type=click.Choice(ROLES))
@click.pass_context
def give(context: click.Context, account: str, role: str) -> None:
    """Give a role of the server itself: an auditor may read the log on the pages at /audit.

    It is no claim, and no client is told. For roles that applications read, use set-roles.
    """

    async def work(office: Office, subject: str) -> dict[str, object] | Refusal:
        changed = await grant_role(office.store, office.tenant, subject, role)
        return changed if isinstance(changed, Refusal) else await _fields(office, subject)

    print_fields(context, on_account(context, account, work))


@click.command("take-role")
@click.argument("account")
@click.argument("role", type=click.Choice(ROLES))
@click.pass_context
def take(context: click.Context, account: str, role: str) -> None:
    """Take a role of the server away. The next request of the person is refused."""

    async def work(office: Office, subject: str) -> dict[str, object] | Refusal:
        changed = await take_role(office.store, office.tenant, subject, role)
        return changed if isinstance(changed, Refusal) else await _fields(office, subject)

    print_fields(context, on_account(context, account, work))


async def _fields(office: Office, subject: str) -> dict[str, object]:
    return {"subject": subject, "server_roles": await roles_of(office.store, office.tenant, subject)}
