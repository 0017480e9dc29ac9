"""``authrim account consents``: what a person has agreed to, with its history and as signed receipts."""

from pathlib import Path
from typing import Any

import click

from authrim.audit.signed_documents import CONSENT_RECEIPTS
from authrim.commands._account_erase import NEW_FILE, refuse_existing, write_document
from authrim.commands._administering import Office, print_list
from authrim.commands._audit_transparency import administered, checkpoints_of
from authrim.commands._one_account import asked_subject, asker_of
from authrim.core.declared_processing import BadDeclaration, read_processing
from authrim.core.questions import refuse_reason
from authrim.people.consent_receipts import Consents, read_consents
from authrim.transparency.signing_documents import Signing, sign_document
from domain.errors import Refusal, invalid_request

NOTHING = invalid_request("The person has agreed to nothing.", hint="There is no receipt to sign.")


@click.command("consents")
@click.argument("account")
@click.option("--client", "client_id", help="Only the consents to this client.")
@click.option(
    "--out", type=NEW_FILE, help="Write signed receipts (ISO/IEC TS 27560) to this file; a new one."
)
@click.option("--reason", default="", help="Why you ask; a login needs it. Recorded; nothing personal.")
@click.pass_context
def consents(
    context: click.Context, account: str, client_id: str | None, out: Path | None, reason: str
) -> None:
    """Show what a person has agreed to, and when they withdrew it. --out writes receipts.

    ACCOUNT is a login or a subject. The question is recorded in the log. Receipts are signed with the key of the log:
    authrim privacy verify verifies them without this server.
    """
    if out is not None:
        refuse_existing(out)

    async def work(office: Office) -> tuple[Consents, dict[str, Any] | None] | Refusal:
        subject = refuse_reason(reason, demanded=False) or await asked_subject(
            context, office, account, "consents", reason
        )
        if isinstance(subject, Refusal):
            return subject
        asker = asker_of(context, office, copies=out is not None)
        refusal = await asker.record("consents", reason, {}, subject)
        if refusal is not None:
            return refusal
        processing = read_processing(office.settings.processing_file)
        found = await read_consents(office.store, office.tenant, subject, processing, client_id)
        if out is None:
            return found, None
        if not found.events:
            return NOTHING
        signing = Signing(CONSENT_RECEIPTS, found.document, found.events)
        signed = await sign_document(office.store, checkpoints_of(office), signing)
        return signed if isinstance(signed, Refusal) else (found, signed)

    try:
        found, signed = administered(context, work)
    except BadDeclaration as wrong:
        raise click.ClickException(f"processing_file: {wrong}") from None
    if out is not None and signed is not None:
        write_document(signed, out)
    columns = ("position", "time", "application", "state", "scope")
    print_list(context, "consents", columns, _rows(found.document), f"Receipts: {out}" if out else "")


def _rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of all consents, in the order of the log."""
    rows = [
        {
            "position": event["position"],
            "time": event["event_time"],
            "application": receipt["consent_record"]["party_identification"][1]["party_name"],
            "client_id": receipt["consent_record"]["party_identification"][1]["party_id"],
            "state": event["event_state"],
            "scope": " ".join(event.get("scope", ())),
            "claims": " ".join(event.get("claims", ())),
        }
        for receipt in document["receipts"]
        for event in receipt["consent_record"]["events"]
    ]
    return sorted(rows, key=lambda row: int(row["position"]))
