"""``authrim audit``: the history of a grant, why a request was refused, and verifying the log."""

from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from authrim.audit.leaves import verify_log
from authrim.audit.readings import Reading
from authrim.audit.sentences import shown
from authrim.audit.timeline import Explanation, Timeline, grant_timeline, time_of
from authrim.audit.timeline import why as explain
from authrim.commands._audit_changes import show_changes
from authrim.commands._audit_export import export
from authrim.commands._audit_lineage import lineage
from authrim.commands._audit_lines import lines_table
from authrim.commands._audit_monitor import monitor
from authrim.commands._audit_ocsf import ocsf, siem
from authrim.commands._audit_questions import account, search, session
from authrim.commands._audit_radius import incident, radius
from authrim.commands._audit_state import state
from authrim.commands._audit_token import receipt, token
from authrim.commands._audit_transparency import checkpoint, checkpoint_key, prove, prove_consistency
from authrim.commands._common import WHERE_GRANT_IDS_ARE, emit, progress_of, run_with_log
from authrim.store.chain import Verification
from authrim.store.read_back import ReadBack
from domain.stream import DEFAULT_TENANT


@click.group()
def audit() -> None:
    """Read what happened from the log, and verify the log."""


for _command in (search, account, session, lineage, radius, incident, state, monitor, token, receipt):
    audit.add_command(_command)
for _command in (checkpoint, prove, prove_consistency, checkpoint_key):
    audit.add_command(_command)
audit.add_command(show_changes)
audit.add_command(export)
audit.add_command(ocsf)
audit.add_command(siem)


@audit.command("grant")
@click.argument("grant_id")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="The tenant of the grant.")
@click.pass_context
def grant(context: click.Context, grant_id: str, tenant: str) -> None:
    """Show the history of a grant, from its request to its end."""

    async def work(_store: ReadBack, log: Reading) -> Timeline:
        return await log.found(lambda: grant_timeline(log, tenant, grant_id), lambda found: bool(found.lines))

    timeline = run_with_log(context, work)
    if not timeline.lines:
        raise click.ClickException(f"There is no grant with this id. {WHERE_GRANT_IDS_ARE}")
    emit(context, timeline.as_json(), _timeline(timeline))
    if not timeline.readable:
        context.exit(1)


@audit.command("why")
@click.argument("error_id")
@click.pass_context
def why(context: click.Context, error_id: str) -> None:
    """Explain a refusal by the error id that the client or the person was shown."""

    async def work(_store: ReadBack, log: Reading) -> Explanation | None:
        return await log.found(lambda: explain(log, error_id))

    explanation = run_with_log(context, work)
    if explanation is None:
        raise click.ClickException(
            "No refusal of this error id is in the log. During a flood refusals are only counted; failures of the "
            "server itself are in its log lines."
        )
    emit(context, explanation.as_json(), _explanation(explanation))


@audit.command("verify")
@click.option("--primary", is_flag=True, help="Read the primary, also where there is a replica.")
@click.pass_context
def verify(context: click.Context, *, primary: bool) -> None:
    """Verify the hash chain, and the log against its Merkle tree. Reports the first position that does not match.
    An empty log proves nothing."""

    async def work(store: ReadBack, log: Reading) -> tuple[Verification, str]:
        with progress_of("Proving the log") as progress:
            return await verify_log(log, progress), store.doubt

    proved, doubt = run_with_log(context, work, primary=primary)
    data: dict[str, Any] = {
        "ok": proved.is_proof and not doubt,
        "doubt": doubt or None,
        "events": proved.events,
        "batches": proved.batches,
        "dropped": proved.dropped,
        "chain_hash": proved.chain_hash.hex(),
        "problem": None,
    }
    if proved.problem is not None:
        first, last = proved.problem.first_position, proved.problem.last_position
        data["problem"] = {"first_position": first, "last_position": last, "what": proved.problem.what}
    emit(context, data, _verification(proved, doubt))
    if not data["ok"]:
        context.exit(1)


def _timeline(timeline: Timeline) -> RenderableType:
    title = Text(f"Grant {shown(timeline.grant_id)}", style="bold")
    return Group(title, Text(f"Now: {timeline.status}"), Text(), lines_table(timeline.lines))


def _explanation(explanation: Explanation) -> RenderableType:
    refusal, first = explanation.refusal, explanation.lines[0].metadata
    facts = {
        "What": f"{refusal.error}: {refusal.description}".removeprefix(": "),
        "Why": explanation.in_words,
        "What to do": refusal.hint,
        "Rule": refusal.section,
        "Where": explanation.where,
        "When (UTC)": time_of(explanation.recorded_at),
        "Client": first.client_id,
        "Trace": first.trace,
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, Text(shown(value)))
    title = Text(f"Refusal {shown(explanation.error_id)}", style="bold")
    return Group(title, table, Text(), lines_table(explanation.lines))


def _verification(proved: Verification, doubt: str) -> RenderableType:
    if doubt:
        text = Text(f"This may not be the whole log: {doubt}.", style="bold red")
    elif not proved.events and proved.problem is None:
        text = Text(
            "The log is empty: there is nothing to prove. Is this the right database?", style="bold red"
        )
    elif proved.problem is None:
        text = Text("The log is the one that was written.", style="green")
    else:
        text = Text(f"The log does not fit at {proved.problem}.", style="bold red")
    counts = Text(f"Proved: {proved.events} events in {proved.batches} batches.")
    if proved.dropped:
        counts.append(
            f" The contents of {proved.dropped} of them are in archives alone: authrim log verify proves these."
        )
    return Group(text, counts, Text(f"Chain hash there: {proved.chain_hash.hex()}"))
