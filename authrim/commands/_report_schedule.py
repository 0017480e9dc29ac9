"""``authrim report schedule``: reports and bundles that are written without anybody asking."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import click
from rich.console import Group
from rich.text import Text

from authrim.commands._administering import Office, moment
from authrim.commands._audit_transparency import administered
from authrim.commands._common import emit
from authrim.commands._server_logs import reread_log_settings, send_log_lines
from authrim.reports.catalog import BadFramework, frameworks
from authrim.reports.schedule.keeping import Keeper, Round
from authrim.reports.schedule.making import Making
from authrim.reports.schedule.states import ScheduleState, states_of
from authrim.settings import Settings
from authrim.settings.schedules import BUNDLE
from domain.errors import Refusal, invalid_request

NOTHING_SCHEDULED: Final = invalid_request("Nothing is scheduled.", hint="Set report_schedule.")


@click.command("schedule")
@click.option("--once", is_flag=True, help="Write what is due, try again what failed, and end.")
@click.option(
    "--status", "shows", is_flag=True, help="Only show what was written, what failed, what is late."
)
@click.pass_context
def schedule(context: click.Context, *, once: bool, shows: bool) -> None:
    """Write reports and bundles by the schedule in the settings, until SIGTERM.

    report_schedule says what and when, report_directory and report_command where it goes. One process does it, however
    many run; what was missed while none ran is made up. Each failure is an event, audit.evidence_failed.v1, a log
    line, evidence.failed, and is shown by authrim audit monitor. docs/audit/schedule.md has examples.

    The status is 1 with --once when something failed, and with --status when something has failed or is late.
    """
    if once and shows:
        raise click.UsageError("--once and --status do not go together.")

    async def states(office: Office) -> Sequence[ScheduleState]:
        return await states_of(office.store, office.tenant)

    async def work(office: Office) -> Round | Refusal:
        settings = office.settings
        if not (once or settings.schedules):
            return NOTHING_SCHEDULED
        for name in _unknown_frameworks(settings):
            click.echo(f"There is no framework {name!r}: its report will fail when it is due.", err=True)
        making = Making(settings, office.store, office.readings, office.private, office.egress, office.tenant)
        keeper = Keeper(office.store, office.tenant, settings.schedules, making.make)
        if once:
            return await keeper.round(at_once=True)
        send_log_lines(settings)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reread_log_settings(context))
        await _until_stopped(keeper)
        return Round()

    if shows:
        print_states(context, administered(context, states))
        return
    done = administered(context, work)
    if once:
        _print_round(context, done)


def _unknown_frameworks(settings: Settings) -> list[str]:
    """What the schedule names and nobody knows, said at once: the time of its report may be months away. It refuses
    nothing, so that the other lines are written."""
    with suppress(BadFramework):  # told as a failure when one of them is due
        known = {BUNDLE, *frameworks(settings.report_frameworks)}
        return sorted({one.what for one in settings.schedules} - known)
    return []


async def _until_stopped(keeper: Keeper) -> None:
    running = asyncio.create_task(keeper.keep_until_cancelled())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    with suppress(asyncio.CancelledError):
        await running


def _print_round(context: click.Context, done: Round) -> None:
    said = [
        *(f"Written: {name}" for name in done.written),
        *(f"Failed: {name}. authrim report schedule --status says why." for name in done.failed),
    ]
    if done.busy:
        said.append("Another process is writing.")
    emit(context, done._asdict(), Text("\n".join(said or ["Nothing is due."])))
    if done.failed:
        context.exit(1)


def print_states(context: click.Context, states: Sequence[ScheduleState]) -> None:
    """Say how each line of the schedule stands; the status is 1 when one does not stand well."""
    emit(context, {"schedules": states_data(states)}, states_text(states))
    if not all(state.status == "ok" for state in states):
        context.exit(1)


def states_data(states: Sequence[ScheduleState]) -> list[dict[str, Any]]:
    """Each line for ``--json``."""
    return [
        {
            "schedule": state.schedule,
            "times": state.times,
            "status": state.status,
            "next": moment(state.next_at),
            "written": None if state.written is None else state.written.name,
            "written_at": None if state.written is None else moment(state.written.written_at),
            "cause": None if state.failed is None else state.failed.cause,
            "attempt": None if state.failed is None else state.failed.attempt,
            "retry_at": None if state.failed is None else moment(state.failed.retry_at),
        }
        for state in states
    ]


def states_text(states: Sequence[ScheduleState]) -> Group:
    """Each line for people."""
    if not states:
        return Group(Text("Nothing is scheduled, or no process has begun with it."))
    return Group(*map(_described, states))


def _described(state: ScheduleState) -> Text:
    text = Text(f"{state.schedule}", "bold")
    text.append(f"  at {state.times}, next at {moment(state.next_at)}\n", "not bold")
    if state.written is not None:
        text.append(f"    written: {state.written.name} at {moment(state.written.written_at)}\n", "not bold")
    if state.failed is not None:
        failed = state.failed
        text.append(
            f"    FAILED: {failed.cause}, attempt {failed.attempt}; again at {moment(failed.retry_at)}\n"
        )
    if state.late_since:
        text.append(f"    LATE: nothing was written at {moment(state.late_since)}. Does the process run?\n")
    text.rstrip()
    return text
