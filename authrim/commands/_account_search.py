"""``authrim account search``: find people by a part of what is known of them."""

import click
from msgspec.structs import asdict

from authrim.commands._administering import Office, administer, print_list
from authrim.commands._one_account import asker_of
from authrim.core.questions import hidden_text, refuse_reason
from authrim.crypto.sealing import canonical_login
from authrim.people.account_search import (
    FoundAccount,
    FoundAccounts,
    find_whole_login,
    refuse_text,
    search_accounts,
)
from domain.errors import Refusal


@click.command("search")
@click.argument("text")
@click.option("--after", default="", help="Start after this subject.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="The maximum number, beside the account whose login is TEXT.",
)
@click.option(
    "--most-read", type=click.IntRange(1, 1_000_000), default=20_000, show_default=True,
    help="How many accounts to open at most.",
)  # fmt: skip
@click.option("--reason", default="", help="Why you search. Required and recorded; nothing personal.")
@click.pass_context
def search(context: click.Context, text: str, after: str, limit: int, most_read: int, reason: str) -> None:
    """Find accounts by a part of a login, a name or an email address.

    People's data is encrypted and has no index: accounts are opened one after the other. A whole login is found at
    once. The search is recorded in the log, without TEXT.
    """

    async def work(office: Office) -> tuple[FoundAccount | None, FoundAccounts] | Refusal:
        refusal = refuse_text(text) or refuse_reason(reason, demanded=True)
        if refusal is not None:
            return refusal
        asked = {"text": hidden_text(office.master, office.tenant, canonical_login(text))}
        refusal = await asker_of(context, office).record("account_search", reason, asked)
        if refusal is not None:
            return refusal
        place = office.store, office.private
        whole = await find_whole_login(*place, office.master, office.tenant, text)
        return whole, await search_accounts(*place, office.tenant, text, after, limit, most_read)

    whole, page = administer(context, work)
    # A whole login comes first, on the first page, and not again where its subject would stand.
    found = [one for one in page.accounts if whole is None or one.subject != whole.subject]
    if whole is not None and not after:
        found.insert(0, whole)
    print_list(
        context, "accounts", ("subject", "status", "login", "name", "email"), [asdict(one) for one in found]
    )
    if page.unreadable:
        click.echo(f"The data of {page.unreadable} accounts could not be read.", err=True)
    if page.after:
        click.echo(f"There may be more: --after {page.after}", err=True)
