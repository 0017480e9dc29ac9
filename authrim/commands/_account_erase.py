"""``authrim account erase`` and ``certificate``: the data of a person is destroyed for good, and the proof of that."""

from pathlib import Path
from typing import Any, Final

import click

from authrim.audit.bundle.lines import document
from authrim.commands._administering import Office, moment, print_fields
from authrim.commands._audit_export import NewFile
from authrim.commands._audit_transparency import administered, checkpoints_of
from authrim.commands._one_account import on_account
from authrim.commands._options import log_reason_option
from authrim.core.origin import operator
from authrim.core.questions import refuse_reason
from authrim.people.erasure import ErasureRequest, erase_account, withdraw_erasure
from authrim.settings import Settings
from authrim.transparency.erasure_certificate import certify_erasure
from domain.errors import Refusal
from domain.person.account import ERASED, Account, PendingErasure
from domain.person.erasure import ErasurePolicy

NEW_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("erase")
@click.argument("account")
@log_reason_option
@click.option("--withdraw", is_flag=True, help="Take back the request that waits.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--certificate", type=NEW_FILE, help="Write the signed certificate of the erasure to this file."
)
@click.pass_context
def erase(
    context: click.Context, account: str, reason: str, certificate: Path | None, *, withdraw: bool, yes: bool
) -> None:
    """Destroy the person's data permanently (GDPR Art. 17). The log keeps the pseudonym and still verifies.

    With the settings erasure_delay_seconds and erasure_two_persons the command notes a request first; run it again
    after the delay, or as another operator. A legal hold forbids it.
    """
    if certificate is not None:
        refuse_existing(certificate)
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
    fields = {"subject": erased.subject, "status": erased.status, **shown_erasure(erased.erasure)}
    if certificate is not None and erased.status == ERASED:
        fields |= write_certificate(context, erased.subject, certificate)
    print_fields(context, fields)


@click.command("certificate")
@click.argument("subject")
@click.option("--out", type=NEW_FILE, required=True, help="The file to write; a new one.")
@click.pass_context
def certificate(context: click.Context, subject: str, out: Path) -> None:
    """Write the signed certificate of an erasure: which keys were destroyed, and that nothing was left.

    It is made from the log and the tables as they are now, at any time after the erasure. Whoever has the log's key
    verifies it without this server: authrim privacy verify.
    """
    refuse_existing(out)
    print_fields(context, {"subject": subject, **write_certificate(context, subject, out)})


def write_certificate(context: click.Context, subject: str, out: Path) -> dict[str, Any]:
    """Make and write the certificate; what to say of it."""

    async def work(office: Office) -> dict[str, Any] | Refusal:
        return await certify_erasure(
            office.store, office.private, checkpoints_of(office), office.tenant, subject
        )

    signed = administered(context, work)
    write_document(signed, out)
    said = signed["document"]
    return {
        "certificate": str(out),
        "destroyed_keys": said["destroyed_keys"],
        "left": said["left"],
        "positions": said["positions"]["count"],
        "tree_size": signed["tree_size"],
        "key": signed["key"],
    }


def refuse_existing(out: Path) -> None:
    """What is signed never replaces a file."""
    if out.exists():
        raise click.UsageError(f"{out} is there already: name a new file.")


def write_document(signed: dict[str, Any], out: Path) -> None:
    """Write what was signed, in the form that is verified."""
    with NewFile(out) as new:
        new.file.write(document(signed))
        new.complete()


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
