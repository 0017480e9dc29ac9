"""``authrim account export``: all that the server holds about a person, for the person."""

import json
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from authrim.commands._administering import Office, administer, print_fields
from authrim.commands._audit_export import NewFile
from authrim.commands._one_account import asked_subject, asker_of
from authrim.core.questions import refuse_reason
from authrim.pages.documents import Document, fields_part, render_document, rows_part
from authrim.people.own_data import FORMAT, OwnData, read_own_data
from domain.errors import Refusal

#: The title of each list, and what it is about.
_LISTS: Final = {
    "consents": ("Consents", "What you have agreed to, by application."),
    "applications": (
        "Applications",
        "What applications were granted for you, whether it still holds or not.",
    ),
    "sessions": ("Sessions", "Browsers in which you signed in, as far as they are still kept."),
    "tokens": (
        "Access tokens",
        "Tokens that applications got for you, as far as they are still kept. What is needed to use one is not shown.",
    ),
    "sign_ins": ("Sign-ins", "When you signed in, when it failed, and when a session ended."),
    "events": ("Everything that was recorded", "Each event has its position in the log of this server."),
}


@click.command("export")
@click.argument("account")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The directory to write data.json and data.html to; it is made if it is not there.",
)
@click.option("--reason", required=True, help="Why you read personal data. Recorded; nothing personal.")
@click.option(
    "--holds",
    is_flag=True,
    help="Legal holds too, and claims that are kept because of one: not for the person.",
)
@click.pass_context
def export_account(context: click.Context, account: str, out: Path, reason: str, *, holds: bool) -> None:
    """Write all that the server holds about a person, for the person (GDPR Art. 15 and 20).

    ACCOUNT is a login or a subject. Two files with the same content: data.json for machines, data.html for people.
    The export is recorded in the log before it is read.
    """

    async def work(office: Office) -> tuple[str, OwnData] | Refusal:
        subject = refuse_reason(reason, demanded=True) or await asked_subject(
            context, office, account, "own_data", reason
        )
        if isinstance(subject, Refusal):
            return subject
        conditions = {"holds": "yes" if holds else "no"}
        refusal = await asker_of(context, office, copies=True).record("own_data", reason, conditions, subject)
        if refusal is not None:
            return refusal
        data = await read_own_data(office.store, office.private, office.tenant, subject, holds_too=holds)
        return data if isinstance(data, Refusal) else (office.settings.issuer, data)

    for name in ("data.json", "data.html"):
        if (out / name).exists():
            raise click.UsageError(f"{out / name} is there already: name a new directory.")
    issuer, data = administer(context, work)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "data.json", json_of(issuer, data))
    _write(out / "data.html", render_document(document_of(issuer, data)))
    counts = {name: len(getattr(data, name)) for name in _LISTS}
    print_fields(context, {"directory": str(out), "subject": data.account["subject"], **counts})


def json_of(issuer: str, data: OwnData) -> bytes:
    """The file for machines."""
    fields: dict[str, Any] = {"format": FORMAT, "issuer": issuer, **msgspec.structs.asdict(data)}
    return (json.dumps(fields, indent=1, ensure_ascii=False) + "\n").encode()


def document_of(issuer: str, data: OwnData) -> Document:
    """The file for people."""
    about = (
        f"This is all that {issuer} holds about you, up to position {data.position} of its log.",
        "Applications that you used have data of their own, which this server does not know. Your password is kept as "
        "a hash that cannot be turned back. In the log you are named by a pseudonym.",
    )
    parts = [fields_part("Account", data.account), fields_part("What is known of you", data.claims)]
    if data.replaced_claims:
        parts.append(rows_part("Kept because of a hold", data.replaced_claims))
    parts += [rows_part(title, getattr(data, name), told) for name, (title, told) in _LISTS.items()]
    return Document("Your data", about, tuple(parts))


def _write(path: Path, content: bytes) -> None:
    with NewFile(path) as new:
        new.file.write(content)
        new.complete()
