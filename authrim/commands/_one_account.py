"""Work on one account, named by its login or its subject."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from authrim.commands._administering import Office, administer, print_fields
from authrim.people import accounts
from domain.errors import Refusal
from domain.person.account import UNKNOWN, Account

T = TypeVar("T")


def on_account(
    context: click.Context,
    account: str,
    work: Callable[[Office, str], Awaitable[T | Refusal]],
    *,
    proved: bool = True,
) -> T:
    """Do some work on the account of that subject or login."""

    async def on_subject(office: Office) -> T | Refusal:
        subject = await accounts.find_account(office.store, office.master, office.tenant, account)
        return UNKNOWN if subject is None else await work(office, subject)

    return administer(context, on_subject, proved=proved)


def print_account(context: click.Context, changed: Account) -> None:
    """Say of the account what is not personal."""
    print_fields(context, {"subject": changed.subject, "status": changed.status})
