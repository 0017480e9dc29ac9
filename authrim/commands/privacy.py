"""``authrim privacy``: what proves, and what tells, how people's data is treated."""

from typing import Any, BinaryIO

import click

from authrim.audit.signed_documents import LARGEST, CheckedDocument, check_document
from authrim.commands._administering import print_fields
from authrim.commands._privacy_erase_again import erase_again
from authrim.commands._privacy_records import records


@click.group()
def privacy() -> None:
    """Verify erasure certificates and consent receipts, and write the records of processing."""


privacy.add_command(records)
privacy.add_command(erase_again)


@privacy.command("verify")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--key", help="The log's key, as authrim audit checkpoint-key printed it. Default: what is in FILE."
)
@click.pass_context
def verify(context: click.Context, file: BinaryIO, key: str | None) -> None:
    """Verify an erasure certificate or consent receipts, without a server and its database. - is stdin.

    Without --key it is verified with the key that is in it, which anybody could have made: compare the key.
    """
    checked = check_document(file.read(LARGEST + 1), key)
    print_fields(context, _fields(checked))
    if checked.fault:
        context.exit(1)


def _fields(checked: CheckedDocument) -> dict[str, Any]:
    said = checked.document
    names = ("tenant", "subject", "erased_at", "destroyed_keys", "left")
    return {
        "holds": not checked.fault,
        "fault": checked.fault,
        "kind": checked.kind,
        **{name: said[name] for name in names if name in said},
        "checked": list(checked.checked),
        "key": checked.key,
        "key_given": checked.key_given,
    }
