"""``authrim account``: people who sign in. A password is never an argument, because other processes could read it."""

import sys
from typing import Any, BinaryIO

import click

from authrim.commands._account_claims import (
    CLAIMS_FILE,
    read_claims,
    set_claim,
    set_claims,
    set_groups,
    set_roles,
)
from authrim.commands._account_consents import consents
from authrim.commands._account_erase import certificate, erase, shown_erasure
from authrim.commands._account_export import export_account
from authrim.commands._account_holds import hold, release, shown_holds
from authrim.commands._account_roles import give, take
from authrim.commands._account_search import search
from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._one_account import asked_subject, asker_of, on_account, print_account
from authrim.commands._options import limit_option, log_reason_option
from authrim.core.questions import refuse_reason
from authrim.crypto.passwords import Passwords
from authrim.people import accounts
from authrim.people.account_list import list_accounts
from authrim.people.accounts import AccountView
from authrim.people.new_account import AccountRequest, AccountStore
from authrim.people.server_roles import roles_of
from domain.errors import Refusal
from domain.person.account import Account
from domain.person.grant_ending import Grants


@click.group()
def account() -> None:
    """Create and list accounts, change their password and claims, disable and erase them.

    ACCOUNT is a login or a subject.
    """


for _command in (
    search,
    set_claims,
    set_claim,
    set_groups,
    set_roles,
    give,
    take,
    hold,
    release,
    erase,
    certificate,
    export_account,
    consents,
):
    account.add_command(_command)


@account.command("create")
@click.argument("login")
@click.option(
    "--claims", "claims_file", type=CLAIMS_FILE, help="A JSON file with claims (OIDC Core 5.1); - is stdin."
)
@click.option("--subject", help="The subject. Default: a random pseudonym.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of stdin.")
@click.pass_context
def create(
    context: click.Context,
    login: str,
    claims_file: BinaryIO | None,
    subject: str | None,
    *,
    password_stdin: bool,
) -> None:
    """Create an account that signs in with LOGIN. Prompts for the password."""
    password = _read_password(from_stdin=password_stdin)
    claims = {} if claims_file is None else read_claims(claims_file)

    async def work(office: Office) -> Account | Refusal:
        passwords = Passwords()
        try:
            return await accounts.create_account(
                _accounts_of(office, passwords), AccountRequest(login, password, claims), subject
            )
        finally:
            passwords.close()

    print_account(context, administer(context, work))


@account.command("set-password")
@click.argument("account")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of stdin.")
@click.option(
    "--end-grants",
    "ends",
    type=click.Choice(["unbound", "all", "none"]),
    help="Which of the grants that outlive a session to end: those of public clients and those with tokens that are "
    "bound to no key (unbound), all, or none. On a terminal you are asked; otherwise unbound.",
)
@click.pass_context
def set_password(context: click.Context, account: str, ends: Grants | None, *, password_stdin: bool) -> None:
    """Change the password and end all sessions. Prompts for the password and for the grants to end."""
    password = _read_password(from_stdin=password_stdin)
    ends = ends or _which_grants(asks=not password_stdin)

    async def work(office: Office, subject: str) -> Account | Refusal:
        passwords = Passwords()
        try:
            return await accounts.set_password(_accounts_of(office, passwords), subject, password, ends)
        finally:
            passwords.close()

    print_account(context, on_account(context, account, work))


@account.command("list")
@click.option("--after", default="", help="Start after this subject.")
@limit_option
@click.option("--held", is_flag=True, help="Only those with a legal hold, or with a request to erase them.")
@click.pass_context
def list_(context: click.Context, after: str, limit: int, *, held: bool) -> None:
    """List the accounts in the order of their subjects, without personal data. Includes erased ones."""

    async def work(office: Office) -> tuple[Account, ...] | Refusal:
        return await list_accounts(office.store, office.tenant, after, limit, held=held)

    found = administer(context, work)
    columns = ("subject", "holds", "erasure_due_at") if held else ("subject", "status", "password_set_at")
    print_list(context, "accounts", columns, [_line(one) for one in found])


@account.command("show")
@click.argument("account")
@click.option("--personal", is_flag=True, help="Also show the login and the claims; needs --reason.")
@click.option("--reason", default="", help="Why you read personal data. Recorded; nothing personal.")
@click.pass_context
def show(context: click.Context, account: str, reason: str, *, personal: bool) -> None:
    """Show an account, without personal data unless --personal is given."""

    async def show_account(office: Office, subject: str) -> AccountView | Refusal:
        return await accounts.show_account(
            office.store, office.private, office.tenant, subject, personal=personal
        )

    async def show_with_roles(office: Office, subject: str) -> tuple[AccountView, tuple[str, ...]] | Refusal:
        view = await show_account(office, subject)
        return (
            view
            if isinstance(view, Refusal)
            else (view, await roles_of(office.store, office.tenant, subject))
        )

    async def show_person(office: Office) -> tuple[AccountView, tuple[str, ...]] | Refusal:
        subject = refuse_reason(reason, demanded=True) or await asked_subject(
            context, office, account, "account_data", reason
        )
        if isinstance(subject, Refusal):
            return subject
        refusal = await asker_of(context, office).record("account_data", reason, {}, subject)
        return refusal or await show_with_roles(office, subject)

    if personal:
        shown, roles = administer(context, show_person)
    else:
        shown, roles = on_account(context, account, show_with_roles)
    fields: dict[str, Any] = {
        "subject": shown.subject,
        "status": shown.status,
        "password_set_at": None if shown.password_set_at is None else moment(shown.password_set_at),
        "consents": {client_id: " ".join(scope) for client_id, scope in shown.consents.items()},
        "consent_claims": {client_id: " ".join(names) for client_id, names in shown.consent_claims.items()},
    }
    fields["server_roles"] = roles
    fields |= {"holds": shown_holds(shown.holds), **shown_erasure(shown.erasure)}
    if personal:
        fields |= {"login": shown.login, "claims": shown.claims}
    print_fields(context, fields)


@account.command("disable")
@click.argument("account")
@log_reason_option
@click.pass_context
def disable(context: click.Context, account: str, reason: str) -> None:
    """Forbid signing in. All tokens become inactive at once."""

    async def work(office: Office, subject: str) -> Account | Refusal:
        return await accounts.disable_account(office.store, office.tenant, subject, reason)

    print_account(context, on_account(context, account, work))


@account.command("end-sessions")
@click.argument("account")
@click.pass_context
def end_sessions(context: click.Context, account: str) -> None:
    """Log the person out everywhere. Running servers notify the clients that registered for it."""

    async def work(office: Office, subject: str) -> int | Refusal:
        return await accounts.end_sessions_of(office.store, office.tenant, subject)

    print_fields(context, {"sessions_ended": on_account(context, account, work)})


@account.command("end-grants")
@click.argument("account")
@click.option("--client", "client_id", help="Only the grants of this client.")
@log_reason_option
@click.pass_context
def end_grants(context: click.Context, account: str, client_id: str | None, reason: str) -> None:
    """End everything that clients were granted for the person.

    Codes, refresh tokens and access tokens become invalid at once, including those that outlive the session. Consents
    stay; withdraw-consent ends them too.
    """

    async def work(office: Office, subject: str) -> int | Refusal:
        return await accounts.end_each_grant(office.store, office.tenant, subject, client_id, reason)

    print_fields(context, {"grants_ended": on_account(context, account, work)})


@account.command("enable")
@click.argument("account")
@click.pass_context
def enable(context: click.Context, account: str) -> None:
    """Let a disabled account sign in again."""

    async def work(office: Office, subject: str) -> Account | Refusal:
        return await accounts.enable_account(office.store, office.tenant, subject)

    print_account(context, on_account(context, account, work))


@account.command("withdraw-consent")
@click.argument("account")
@click.argument("client_id")
@click.pass_context
def withdraw_consent(context: click.Context, account: str, client_id: str) -> None:
    """Forget the consent that the person gave to a client. They are asked again."""

    async def work(office: Office, subject: str) -> Account | Refusal:
        return await accounts.withdraw_consent(office.store, office.tenant, subject, client_id)

    print_account(context, on_account(context, account, work))


def _which_grants(*, asks: bool) -> Grants:
    """What a person answers, or the default if there is no terminal."""
    if not asks:
        return "unbound"
    question = "Grants that outlive the session to end (unbound, all, none)"
    answer: Grants = click.prompt(question, type=click.Choice(["unbound", "all", "none"]), default="unbound")
    return answer


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        try:
            return sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise click.BadParameter(
                "the password is not text in UTF-8", param_hint="--password-stdin"
            ) from None
        except AttributeError:
            raise click.UsageError("Standard input is closed: no password can be read from it.") from None
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _line(account: Account) -> dict[str, Any]:
    """What a list says of an account."""
    set_at = None if account.password_set_at is None else moment(account.password_set_at)
    due_at = None if account.erasure is None else moment(account.erasure.due_at)
    return {
        "subject": account.subject,
        "status": account.status,
        "password_set_at": set_at,
        "holds": list(account.holds),
        "erasure_due_at": due_at,
    }


def _accounts_of(office: Office, passwords: Passwords) -> AccountStore:
    return AccountStore(office.store, office.private, office.master, passwords, office.tenant)
