"""``authrim account erase``: the data of a person is destroyed for good."""

from typing import Any

import click

from authrim.commands._administering import Office, moment, print_fields
from authrim.commands._one_account import on_account
from authrim.commands._options import log_reason_option
from authrim.core.origin import operator
from authrim.core.questions import refuse_reason
from authrim.people.erasure import ErasureRequest, erase_account, withdraw_erasure
from authrim.settings import Settings
from domain.errors import Refusal
from domain.person.account import Account, PendingErasure
from domain.person.erasure import ErasurePolicy


@click.command("erase")
@click.argument("account")
@log_reason_option
@click.option("--withdraw", is_flag=True, help="Take back the request that waits.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def erase(context: click.Context, account: str, reason: str, *, withdraw: bool, yes: bool) -> None:
    """Destroy the person's data permanently (GDPR Art. 17). The log keeps the pseudonym and still verifies.

    With the settings erasure_delay_seconds and erasure_two_persons the command notes a request first; run it again
    after the delay, or as another operator. A legal hold forbids it.
    """
    if not yes and not withdraw:
        click.confirm("Destroy this person's data for good?", abort=True, err=True)

    async def work(office: Office, subject: str) -> Account | Refusal:
        refusal = refuse_reason(reason, demanded=True)
        if refusal is not None:
            return refusal
        if withdraw:
            return await withdraw_erasure(office.store, office.tenant, subject, reason.strip(), operator())
        request = ErasureRequest(reason.strip(), operator(), policy_of(office.settings))
        return await erase_account(
            office.store, office.private, office.master, office.tenant, subject, request
        )

    # A person has a right to this also where the master key is lost; then the subject must be given.
    erased = on_account(context, account, work, proved=False)
    print_fields(
        context, {"subject": erased.subject, "status": erased.status, **shown_erasure(erased.erasure)}
    )


def policy_of(settings: Settings) -> ErasurePolicy:
    """What an erasure has to wait for, as it is set."""
    return ErasurePolicy(settings.erasure_delay_seconds, settings.erasure_two_persons)


def shown_erasure(pending: PendingErasure | None) -> dict[str, Any]:
    """The request to erase the person that waits, if there is one."""
    if pending is None:
        return {}
    return {
        "erasure": {
            "requested_at": moment(pending.requested_at),
            "requested_by": pending.operator,
            "due_at": moment(pending.due_at),
            "two_persons": pending.two_persons,
        }
    }
