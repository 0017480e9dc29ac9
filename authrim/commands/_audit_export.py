"""``authrim audit export``: a part of the log, or a grant, in one file that can be verified without Authrim."""

from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from authrim.audit.bundle import new_file
from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.export import Exported, People, Wanted, export_grant, export_range
from authrim.audit.bundle.selection import Selection, select_grant
from authrim.audit.past.moments import Time
from authrim.audit.search import position_at
from authrim.commands._administering import Office, print_fields
from authrim.commands._audit_transparency import administered, checkpoints_of
from authrim.commands._common import WHERE_GRANT_IDS_ARE, progress_of
from authrim.commands._moments import MomentType
from authrim.commands._one_account import asker_of
from authrim.core.questions import refuse_reason
from authrim.people.accounts import AccountView, show_account
from authrim.store.log_reading import LogReading
from authrim.transparency.signer import LogSigner, log_signer
from domain.errors import Refusal, invalid_request


class Asked(msgspec.Struct, frozen=True):
    """The arguments of the command."""

    first: int | Time | None
    last: int | Time | None
    grant: str | None
    tree_size: int | None
    older: tuple[int, ...]
    personal: bool
    reason: str


class Part(msgspec.Struct, frozen=True):
    """What is exported: positions of the log, and the grant when it is one."""

    first: int
    last: int
    grant: Selection | None = None


@click.command("export")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write; a new one.",
)
@click.option(
    "--from", "first", type=MomentType(), help="From this time or position. Default: the beginning."
)
@click.option(
    "--to", "last", type=MomentType(), help="Before this time, or up to this position. Default: the end."
)
@click.option("--grant", help="Only this grant, and the client, person, session and keys of its events.")
@click.option(
    "--tree-size",
    type=click.IntRange(1),
    help="Prove the events in the tree of this size, not the smallest.",
)
@click.option(
    "--consistent-with", "older", type=click.IntRange(1), multiple=True,
    help="Prove that the tree continues the one of this size. May be repeated.",
)  # fmt: skip
@click.option(
    "--personal", is_flag=True, help="Add logins and claims of the people in the events. Needs --reason."
)
@click.option("--reason", default="", help="Why you export. Recorded; nothing personal.")
@click.pass_context
def export(context: click.Context, /, out: Path, **arguments: Any) -> None:
    """Write a bundle: events, their proofs, and what verifies them without Authrim.

    The bundle is a tar file. docs/audit/bundles.md says what is in it, and how to verify it. The same positions give
    the same bytes. The export is recorded in the log before the file is written.
    """
    asked = Asked(**arguments)
    if out.exists():
        raise click.UsageError(f"{out} is there already: a bundle never replaces a file.")
    if asked.grant is not None and asked.first is not None:
        raise click.UsageError("--from goes with positions; of a grant, all events up to --to are exported.")

    async def work(office: Office) -> Exported | Refusal:
        refusal = refuse_reason(asked.reason, demanded=asked.personal)
        if refusal is not None:
            return refusal
        try:
            signer = await log_signer(checkpoints_of(office))
            office.log.needs(asked.first, asked.last, asked.tree_size, *asked.older)
            part = await _part(office, asked)
            if isinstance(part, Refusal):
                return part
            with NewFile(out) as new:
                refusal = await _record(context, office, asked, part)
                if refusal is not None:
                    return refusal
                exported = await _write(office, new.file, asked, part, signer)
                new.complete()
                return exported
        except Damaged as damaged:
            return invalid_request(
                damaged.in_words,
                hint=f"Nothing was exported. {damaged.hint}",
            )

    exported = administered(context, work)
    print_fields(context, {"file": str(out), **msgspec.structs.asdict(exported), "root": exported.root.hex()})


async def _part(office: Office, asked: Asked) -> Part | Refusal:
    """What the arguments mean, in positions. Whatever comes later, the record of the export too, is not part of it."""
    head = (await office.log.head()).position
    if not head:
        return invalid_request("The log is empty.", hint="Is this the right database?")
    first = await _position(office.log, asked.first, after=True)
    last = await _position(office.log, asked.last, after=False)
    if max(last or 0, asked.tree_size or 0, *asked.older) > head or (first or 1) > head:
        return invalid_request("The log has no such position.", hint=f"Its last position is {head}.")
    if asked.grant is not None:
        selection = await office.log.found(lambda: _selection(office, asked.grant or "", last))
        if selection is None:
            return invalid_request(
                "There is no grant with this id.",
                hint=WHERE_GRANT_IDS_ARE,
            )
        part = Part(1, selection.last, selection)
    else:
        part = Part(first or 1, head if last is None else last)
    if part.first > part.last:
        return invalid_request("There is nothing between these places.", hint="--from comes before --to.")
    if asked.tree_size is not None and asked.tree_size < part.last:
        return invalid_request(
            "A tree of this size does not have the last event.", hint=f"It is at {part.last}."
        )
    if any(size > (asked.tree_size or part.last) for size in asked.older):
        return invalid_request(
            "The tree is smaller than one that it would continue.", hint="Give --tree-size."
        )
    return part


async def _selection(office: Office, grant_id: str, last: int | None) -> Selection | None:
    """The events of a grant."""
    head = (await office.log.head()).position
    return await select_grant(office.log, office.tenant, grant_id, last, head)


async def _position(store: LogReading, place: int | Time | None, *, after: bool) -> int | None:
    match place:
        case None:
            return None
        case int():
            return place
        case Time():
            before = await position_at(store, place.micros)
            return before + 1 if after else before


async def _record(context: click.Context, office: Office, asked: Asked, part: Part) -> Refusal | None:
    """Record the export, before anything is written."""
    conditions = {"to": str(part.last), "personal": "yes" if asked.personal else "no"}
    conditions |= {"from": str(part.first)} if asked.grant is None else {"grant": asked.grant}
    return await asker_of(context, office, copies=True).record("export", asked.reason, conditions)


async def _write(office: Office, file: BinaryIO, asked: Asked, part: Part, signer: LogSigner) -> Exported:
    people = _people(office) if asked.personal else None
    wanted = Wanted(signer.origin, asked.tree_size or 0, asked.older, signer, people)
    if part.grant is not None:
        return await export_grant(office.log, file, part.grant, wanted)
    with progress_of("Exporting") as progress:
        return await export_range(office.log, file, part.first, part.last, wanted, progress)


def _people(office: Office) -> People:
    """What is known of a person now. Of one who was erased, nothing is."""

    async def person(subject: str) -> dict[str, Any]:
        view = await show_account(office.store, office.private, office.tenant, subject, personal=True)
        if not isinstance(view, AccountView):
            return {"subject": subject, "status": "unknown"}
        return {"subject": subject, "status": view.status, "login": view.login, "claims": view.claims}

    return person


class NewFile(new_file.NewFile):
    """A new file for a command. A path that cannot be used ends the command."""

    def __init__(self, out: Path) -> None:
        try:
            super().__init__(out)
        except new_file.FileUnusable as unusable:
            raise click.UsageError(str(unusable)) from None
