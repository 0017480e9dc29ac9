"""``authrim log``: closed months of the log as archives, what can be done with these without a database, and what may
leave the log then."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from authrim.audit.archives.folder import BadArchive
from authrim.audit.archives.months import beginning_of, closed_months
from authrim.audit.archives.search import Sought
from authrim.audit.archives.search import search as search_in
from authrim.audit.archives.verify import Checked, verify_folder
from authrim.audit.archives.write import Written, write_months
from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.export import Wanted
from authrim.audit.bundle.verify_bundle import Fault, Key, Unusable, read_checkpoint, read_key
from authrim.audit.timeline import line_of
from authrim.commands._administering import Office, print_fields, print_list
from authrim.commands._audit_lines import lines_table
from authrim.commands._audit_transparency import administered, checkpoints_of
from authrim.commands._common import emit, is_json, progress_of
from authrim.commands._log_readers import log_readers
from authrim.commands._one_account import asker_of
from authrim.core.log_drops import Plan, finish_drops, plan_drop
from authrim.core.log_drops import drop as drop_contents
from authrim.core.questions import refuse_reason
from authrim.store.contract import StoredEvent
from authrim.transparency.signer import log_signer
from domain.errors import Refusal, invalid_request

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def log() -> None:
    """Archive closed months of the log; verify, search and prove archives without a database; let archived contents
    leave the log."""


@log.command("archive")
@click.option("--before", required=True, metavar="MONTH", help="Archive the months before this one: 2026-11.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The directory of archives.",
)
@click.option("--reason", default="", help="Why. Recorded; nothing personal.")
@click.pass_context
def archive(context: click.Context, before: str, out: Path, reason: str) -> None:
    """Write each closed month (UTC) that DIRECTORY lacks as a signed, compressed bundle.

    Nothing leaves the log. A file that is there is never replaced, so the command can be run every month. The copy is
    recorded in the log before the first file is written. docs/audit/archives.md says what archives are good for.
    """

    async def work(office: Office) -> list[Written] | Refusal:
        try:
            beginning_of(before)
        except ValueError:
            return invalid_request("That is not a month.", hint="Name one such as 2026-11.")
        try:
            signer = await log_signer(checkpoints_of(office))
            asker = asker_of(context, office, copies=True)
            refusal = await asker.record("archive", reason, {"before": before})
            if refusal is not None:
                return refusal
            months = await closed_months(office.store, before)
            with progress_of("Archiving") as progress:
                written = write_months(
                    office.store, out, months, Wanted(signer.origin, signer=signer), progress
                )
                return [one async for one in written]
        except Damaged as damaged:
            return invalid_request(
                damaged.in_words,
                hint=f"Nothing more was archived. {damaged.hint}",
            )

    with _failures_told():
        written = administered(context, work)
    rows = [
        {
            "month": one.month.name, "first_position": one.month.first, "last_position": one.month.last,
            "bytes": one.size, "new": one.is_new, "file": one.file,
        }
        for one in written
    ]  # fmt: skip
    print_list(context, "archives", ("month", "first_position", "last_position", "bytes", "new"), rows)


@log.command("drop")
@click.option("--before", required=True, metavar="MONTH", help="Look at the months before this one: 2026-11.")
@click.option(
    "--archives",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The directory of archives. Each one is verified first.",
)
@click.option("--reason", required=True, help="Why. Recorded; nothing personal.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def drop(context: click.Context, before: str, archives: Path, reason: str, *, yes: bool) -> None:
    """Take the contents of archived events of streams that have ended from the log, for good.

    Grants, sessions and refusals leave as a whole: when each of their events is in a verified archive, nothing of them
    is valid any more, and the newest event is older than 31 days. What stays is the place, type, time and hash of each
    event, so the log still proves itself, and a bundle proves what was in it. Clients, accounts, keys and settings
    never leave. Nothing leaves that a SIEM, a webhook or a receiver of security event tokens has yet to be told of. On
    PostgreSQL with the owner's role. docs/audit/archives.md says what needs the archives from then on.
    """

    async def work(office: Office) -> Plan | Refusal:
        try:
            beginning_of(before)
        except ValueError:
            return invalid_request("That is not a month.", hint="Name one such as 2026-11.")
        refusal = refuse_reason(reason, demanded=True)
        if refusal is not None:
            return refusal
        with progress_of("Finishing what was begun") as progress:
            await finish_drops(office.store, progress)
        with progress_of("Looking for streams that ended") as progress:
            plan = await plan_drop(office.store, archives, before, progress, await log_readers(office))
        if isinstance(plan, Refusal) or not plan.ranges:
            return plan
        if not yes:
            click.confirm(
                f"Take the contents of {plan.events} events from the log for good?", abort=True, err=True
            )
        with progress_of("Dropping") as progress:
            return await drop_contents(office.store, office.tenant, plan, reason, progress) or plan

    with _failures_told():
        plan = administered(context, work)
    print_fields(
        context, {"events": plan.events, "ranges": len(plan.ranges), "archives": list(plan.archives)}
    )


@log.command("verify")
@click.argument("directory", type=_FOLDER)
@click.option("--key", default="", help="The public key of the log, NAME+ID+KEY, or a file with it.")
@click.option(
    "--checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True,
    help="A checkpoint that you kept. May be repeated.",
)  # fmt: skip
@click.option(
    "--proof",
    type=click.IntRange(1),
    metavar="POSITION",
    help="Show and prove this event alone.",
)
@click.pass_context
def verify(
    context: click.Context, directory: Path, key: str, checkpoint: tuple[Path, ...], proof: int | None
) -> None:
    """Verify the archives in DIRECTORY, without a database: each by itself, and that one continues the other.

    The status is 0 when all of it is proved, 1 when something is wrong, and 3 when it could not be checked who recorded
    the events: give the key of the log (authrim audit checkpoint-key), or a checkpoint.
    """
    with _failures_told():
        known = _key_of(key) if key else None
        outside = [read_checkpoint(path.read_bytes(), str(path)) for path in checkpoint]
        checked = list(verify_folder(directory, known, outside, proof))
    if not checked:
        raise click.ClickException("No archive there has it." if proof else "There is no archive there.")
    emit(context, {"archives": [_data(one) for one in checked]}, _text(checked))
    if any(one.faults for one in checked):
        context.exit(1)
    if any(one.unchecked for one in checked):
        context.exit(3)


@log.command("search")
@click.argument("directory", type=_FOLDER)
@click.option("--type", "type_", default="", help="Events of this type, such as grant.revoked.v1.")
@click.option("--stream", default="", help="Events of this stream, such as default:grant:ID.")
@click.option(
    "--value", default="", help="Events that have this id: of a client, person, session, grant or token."
)
@click.option("--from", "first", type=click.IntRange(1), default=1, help="From this position.")
@click.option("--to", "last", type=click.IntRange(1), default=2**63 - 1, help="Up to this position.")
@click.option("--limit", type=click.IntRange(1), default=1000, help="Show at most so many. Default: 1000.")
@click.pass_context
def search(context: click.Context, /, directory: Path, limit: int, **sought: Any) -> None:
    """Find events in the archives in DIRECTORY, without a database. With --json, one event per line.

    It verifies nothing: authrim log verify does. Nobody records who searches a copy, so keep archives as you keep the
    log.
    """
    sought["type"] = sought.pop("type_")
    with _failures_told():
        found = list(islice(search_in(directory, Sought(**sought)), limit))
    if is_json(context):
        for event in found:
            click.echo(json.dumps(msgspec.to_builtins(line_of(event)[0])))
    else:
        emit(context, {}, _events(found))
    if not found:
        context.exit(1)


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except BadArchive as bad:
        raise click.ClickException(f"{bad}.") from None
    except (Fault, Unusable) as problem:
        raise click.ClickException(f"Not verified: {problem}.") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}.") from None


def _key_of(key: str) -> Key:
    text = Path(key).read_text(encoding="utf-8").strip() if Path(key).is_file() else key
    try:
        return read_key(text)
    except ValueError:
        raise click.UsageError("The key is not of the form NAME+ID+KEY.") from None


def _data(one: Checked) -> dict[str, Any]:
    return {
        "file": one.archived.path.name,
        "result": _result(one),
        "faults": list(one.faults),
        "not_checked": list(one.unchecked),
        "proof": one.proof,
    }


def _result(one: Checked) -> str:
    return "fault" if one.faults else "unproved" if one.unchecked else "proved"


def _text(checked: list[Checked]) -> RenderableType:
    lines = []
    for one in checked:
        style = {"proved": "green", "fault": "bold red"}.get(_result(one), "yellow")
        lines.append(Text(f"{one.archived.path.name}  {_result(one)}", style=style))
        lines += [Text(f"  FAULT: {fault}", style="red") for fault in one.faults]
        lines += [Text(f"  not checked: {what}") for what in one.unchecked]
        if one.proof is not None:
            lines.append(Text(json.dumps(one.proof, indent=1)))
    return Group(*lines)


def _events(found: list[StoredEvent]) -> RenderableType:
    if not found:
        return Text("No event was found.")
    return lines_table([line_of(event)[0] for event in found], places=True)
