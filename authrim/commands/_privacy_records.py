"""``authrim privacy records``: the records of processing."""

import json
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from authrim.commands._administering import Office, administer
from authrim.commands._audit_export import NewFile
from authrim.commands._common import emit
from authrim.commands.list_layout import list_text
from authrim.core.declared_processing import BadDeclaration, read_processing
from authrim.pages.documents import Document, Part, fields_part, render_document, rows_part, text_of
from authrim.people.processing_records import Records, read_records
from authrim.reports.csv_tables import csv_of
from authrim.settings import Settings
from domain.errors import Refusal

FORMAT: Final = "authrim-records-of-processing/1"
_FILES: Final = ("records.json", "records.html", "activities.csv", "clients.csv")


@click.command("records")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write records.json, records.html, activities.csv and clients.csv to this directory.",
)
@click.pass_context
def records(context: click.Context, out: Path | None) -> None:
    """Show the records of processing (GDPR Art. 30): which data, for whom, why, how long.

    They are made from the clients, scopes and claims that there are, and from what the file of the setting
    processing_file declares. What is not declared is listed. No person's data is read.
    """
    if out is not None:
        for name in _FILES:
            if (out / name).exists():
                raise click.UsageError(f"{out / name} is there already: name a new directory.")

    async def work(office: Office) -> Records | Refusal:
        processing = read_processing(office.settings.processing_file)
        return await read_records(office.store, office.tenant, processing, kept_by(office.settings))

    try:
        found = administer(context, work)
    except BadDeclaration as wrong:
        raise click.ClickException(f"processing_file: {wrong}") from None
    if out is not None:
        write_records(found, out)
    columns = ("id", "purpose", "lawful_basis", "recipients")
    text = list_text(columns, [[text_of(row[name]) for name in columns] for row in found.activities])
    for finding in found.findings:
        text.append(f"\n{finding}")
    emit(context, {"format": FORMAT, **msgspec.structs.asdict(found)}, text)


def kept_by(settings: Settings) -> dict[str, str]:
    """How long the server keeps what it needs for itself."""
    return {
        "account": "until it is erased",
        "log": "for good, under a pseudonym",
        "sessions": f"{settings.session_lifetime} seconds",
        "open requests": f"{settings.interaction_lifetime} seconds",
        "failed sign-ins": f"{settings.sign_in_window_seconds} seconds",
    }


def write_records(found: Records, out: Path) -> None:
    """Write all files."""
    out.mkdir(parents=True, exist_ok=True)
    data = {"format": FORMAT, **msgspec.structs.asdict(found)}
    contents = (
        (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode(),
        render_document(document_of(found)),
        _csv(found.activities),
        _csv(found.clients),
    )
    for name, content in zip(_FILES, contents, strict=True):
        with NewFile(out / name) as new:
            new.file.write(content)
            new.complete()


def document_of(found: Records) -> Document:
    """The records for people."""
    about = (
        "These records are made from the configuration of the server and from what its operator declared. "
        "What clients do with the data that they get is for their own records.",
    )
    parts = [
        fields_part("Controller", found.controller),
        rows_part("Processing activities", found.activities),
        rows_part("Recipients", found.clients, "Clients that may be told something about a person."),
        Part("What the declaration lacks", tuple((one,) for one in found.findings)),
    ]
    return Document("Records of processing activities", about, tuple(parts))


def _csv(rows: list[dict[str, Any]]) -> bytes:
    columns = tuple(rows[0]) if rows else ()
    return csv_of(columns, [[text_of(row[name]) for name in columns] for row in rows])
