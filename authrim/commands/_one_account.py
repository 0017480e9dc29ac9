"""Work on one account, named by its login or its subject."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from authrim.commands._administering import Office, administer, print_fields
from authrim.commands._common import is_json
from authrim.core.questions import Question, hidden_text, record_question, refuse_reason
from authrim.crypto.sealing import canonical_login
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


async def asked_subject(
    context: click.Context, office: Office, account: str, kind: str, reason: str
) -> str | Refusal:
    """The pseudonym of the person that a question is about. A login needs a reason, without which nobody learns whether
    there is such a login; a question about one that there is not is recorded too (A247)."""
    if await accounts.is_subject(office.store, office.tenant, account):
        return account
    refusal = refuse_reason(reason, demanded=True)
    if refusal is not None:
        return refusal
    subject = await accounts.find_account(office.store, office.master, office.tenant, account)
    if subject is not None:
        return subject
    conditions = {"account": hidden_text(office.master, office.tenant, canonical_login(account))}
    asked = Question(kind, reason, conditions, exported=is_json(context))
    return await record_question(office.store, office.tenant, asked) or UNKNOWN


def print_account(context: click.Context, changed: Account) -> None:
    """Say of the account what is not personal."""
    print_fields(context, {"subject": changed.subject, "status": changed.status})
