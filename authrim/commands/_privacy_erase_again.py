"""``authrim privacy erase-again``: a restored backup has people who were erased since."""

from collections.abc import Sequence
from typing import Any, BinaryIO

import click

from authrim.audit.signed_documents import ERASURE_CERTIFICATE, LARGEST, check_document
from authrim.commands._administering import Office, administer, print_list
from authrim.commands._audit_transparency import checkpoints_of
from authrim.core.origin import operator
from authrim.people.accounts import read_account
from authrim.people.erasure import ErasureRequest, erase_account, withdraw_erasure
from domain.errors import Refusal
from domain.person.account import ERASED

_REASON = "a restored backup"


@click.command("erase-again")
@click.argument("files", nargs=-1, required=True, type=click.File("rb"), metavar="CERTIFICATE...")
@click.option("--key", help="The log's key, where the backup is older than the key.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def erase_again(context: click.Context, files: Sequence[BinaryIO], key: str | None, *, yes: bool) -> None:
    """Erase the people again whom certificates name: run it after a backup was restored.

    A certificate counts that a key of this log signed. It was decided on then, so no delay and no second operator is
    waited for; a legal hold in the backup still forbids it. - is stdin.
    """
    contents = [file.read(LARGEST + 1) for file in files]
    if not yes:
        click.confirm("Destroy the data of the people in these certificates for good?", abort=True, err=True)

    async def work(office: Office) -> list[dict[str, Any]]:
        keys = [one.encoded() for one in await checkpoints_of(office).keys.public()]
        names = [str(getattr(file, "name", "-")) for file in files]
        return [
            {"certificate": name, **await _erase(office, content, keys if key is None else [key])}
            for name, content in zip(names, contents, strict=True)
        ]

    done = administer(context, work)
    print_list(context, "certificates", ("certificate", "subject", "result"), done)
    if not all(one["done"] for one in done):
        context.exit(1)


async def _erase(office: Office, content: bytes, keys: Sequence[str]) -> dict[str, Any]:
    """Erase the person of one certificate; what came of it."""
    if not keys:
        return _result("", "this log has no key yet: give the one that signed with --key")
    own = check_document(content, None).key
    checked = check_document(content, own if own in keys else keys[0])
    said, fault = checked.document, checked.fault
    if fault or checked.kind != ERASURE_CERTIFICATE or said["tenant"] != office.tenant:
        return _result("", fault or "it is no certificate of an erasure here")
    subject = said["subject"]
    account = (await read_account(office.store, office.tenant, subject)).account
    if not account.subject:
        return _result(subject, "the backup does not know the person", done=True)
    if account.erasure is not None:  # of before: it is decided since
        await withdraw_erasure(office.store, office.tenant, subject, _REASON, operator())
    request = ErasureRequest(_REASON, operator())
    erased = await erase_account(office.store, office.private, office.master, office.tenant, subject, request)
    if isinstance(erased, Refusal):
        return _result(subject, erased.description)
    return _result(subject, "is erased" if account.status == ERASED else "erased again", done=True)


def _result(subject: str, result: str, *, done: bool = False) -> dict[str, Any]:
    return {"subject": subject, "result": result, "done": done}
