"""Work on one account, named by its login or its subject."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from authrim.auditor import asking
from authrim.auditor.asking import Asker
from authrim.commands._administering import Office, administer, print_fields
from authrim.commands._common import is_json
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


def asker_of(context: click.Context, office: Office, *, copies: bool = False) -> Asker:
    """The administrator who runs the command, as somebody who asks a question. ``copies``: the answer is a file."""
    return Asker(office.store, office.log, office.master, office.tenant, exported=copies or is_json(context))


async def asked_subject(
    context: click.Context, office: Office, account: str, kind: str, reason: str
) -> str | Refusal:
    """The pseudonym of the person that a question is about, as ``asking.asked_subject``."""
    return await asking.asked_subject(asker_of(context, office), account, kind, reason)


def print_account(context: click.Context, changed: Account) -> None:
    """Say of the account what is not personal."""
    print_fields(context, {"subject": changed.subject, "status": changed.status})
