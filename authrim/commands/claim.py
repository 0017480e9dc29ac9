"""``authrim claim``: claims about people beside those of OpenID Connect, groups and roles."""

from typing import Any

import click

from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._options import scope_values
from authrim.people import claim_definitions
from domain.claim.definitions import Definition
from domain.claim.values import TYPES
from domain.errors import Refusal


@click.group()
def claim() -> None:
    """Define claims about people, and say which scopes release them.

    Running servers know a change at once. A client is told a claim when it may have a scope that releases it, asks for
    it, and the person agrees. `authrim account set-claim` gives a person a value.
    """


@claim.command("define")
@click.argument("name")
@click.option(
    "--type", "type_", type=click.Choice(TYPES), default="string", show_default=True,
    help="The JSON type. An array holds strings.",
)  # fmt: skip
@click.option(
    "--scope", "scopes", multiple=True, required=True, help="A scope that releases the claim; repeatable."
)
@click.option("--label", default="", help="What people read on the consent page. Default: the name.")
@click.pass_context
def define(context: click.Context, name: str, type_: str, scopes: tuple[str, ...], label: str) -> None:
    """Define a claim and the scopes that release it.

    NAME begins with a letter and has letters, digits and _ . : / ~ - in it; it may be a URI of your own.
    People who agreed to a scope before are asked again before a client is told a claim that was added to it.
    """
    values = scope_values(scopes)

    async def work(office: Office) -> Definition | Refusal:
        return await claim_definitions.define_claim(office.store, office.tenant, name, type_, values, label)

    print_fields(context, _described(administer(context, work)))


@claim.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """List all claims that were ever defined, retired ones too."""

    async def work(office: Office) -> tuple[Definition, ...] | Refusal:
        return await claim_definitions.list_claims(office.store, office.tenant)

    rows = [_described(one) for one in administer(context, work)]
    print_list(context, "claims", ("name", "type", "status", "scope"), rows)


@claim.command("show")
@click.argument("name")
@click.pass_context
def show(context: click.Context, name: str) -> None:
    """Show a claim's definition."""

    async def work(office: Office) -> Definition | Refusal:
        return await claim_definitions.find_claim(office.store, office.tenant, name)

    print_fields(context, _described(administer(context, work)))


@claim.command("retire")
@click.argument("name")
@click.pass_context
def retire(context: click.Context, name: str) -> None:
    """Tell a claim to no client any more.

    People's values stay until they are replaced or erased. The claim can be defined again, with the type that it had.
    """

    async def work(office: Office) -> Definition | Refusal:
        return await claim_definitions.retire_claim(office.store, office.tenant, name)

    print_fields(context, _described(administer(context, work)))


def _described(one: Definition) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": one.type,
        "status": "active" if one.in_use else "retired",
        "scope": " ".join(one.scopes),
        "label": one.label,
        "defined_at": moment(one.defined_at),
        "retired_at": None if one.retired_at is None else moment(one.retired_at),
    }
