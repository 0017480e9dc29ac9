"""``authrim audit monitor``: how far the rules are proved over the log, and which were found broken."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from authrim.audit.monitor.alarms import acknowledge
from authrim.audit.monitor.monitor import Monitor
from authrim.audit.sentences import shown
from authrim.audit.timeline import time_of
from authrim.commands._administering import Office, administer
from authrim.commands._common import emit
from authrim.commands._report_schedule import states_data, states_text
from authrim.core.questions import refuse_reason
from authrim.reports.schedule.states import ScheduleState, states_of
from authrim.store.monitor_contract import MOST_OPEN, KnownBreach, MonitorState
from domain.errors import Refusal, invalid_request
from domain.units import MICROSECONDS
from projections.monitor.rules import RULES

_MOST_SHOWN: Final = 10 * MOST_OPEN
_REASON_WANTED: Final = invalid_request(
    "Nobody would know why the breach was acknowledged.",
    hint="Say it with --reason. It stays in the log; write nothing personal into it.",
)


class _Found(NamedTuple):
    """The answer of the command."""

    state: MonitorState
    breaches: Sequence[KnownBreach]
    schedules: Sequence[ScheduleState]

    @property
    def open(self) -> list[KnownBreach]:
        return [known for known in self.breaches if known.acknowledged_at is None]

    @property
    def is_ok(self) -> bool:
        """Whether something is proved, nothing is open, and scheduled evidence is written."""
        return self.state.position > 0 and not self.open and not self.alarms

    @property
    def alarms(self) -> list[ScheduleState]:
        """Scheduled evidence that has failed or is late."""
        return [state for state in self.schedules if state.status != "ok"]


@click.command("monitor")
@click.option(
    "--catch-up", is_flag=True, help="First prove what is not proved yet, up to the end of the log."
)
@click.option("--from-start", is_flag=True, help="First prove the whole log again, from its first event.")
@click.option("--all", "closed", is_flag=True, help="Show acknowledged breaches, too.")
@click.option(
    "--acknowledge", "breach", metavar="ID", help="Record that you looked into a breach. Needs --reason."
)
@click.option("--reason", default="", help="What the breach was. Recorded; nothing personal.")
@click.pass_context
def monitor(
    context: click.Context, breach: str | None, reason: str, *, catch_up: bool, from_start: bool, closed: bool
) -> None:
    """Show how far the rules are proved over the log, and the breaches that were found.

    A running server proves the log by itself, a second behind the newest event. Each breach is also an event,
    audit.rule_broken.v1, and a log line, monitor.rule_broken. docs/audit/monitor.md has the rules and what to do.

    The status is 1 while a breach is open, while scheduled evidence has failed or is late, and when nothing is proved
    yet. A breach is open until somebody acknowledges it.
    """
    if (breach is None) != (not reason):
        raise click.UsageError("--acknowledge and --reason belong together.")

    async def work(office: Office) -> _Found | Refusal:
        store, running = office.store, Monitor(office.store, office.settings.issuer)
        if breach is not None:
            refusal = refuse_reason(reason, demanded=False) or (None if reason.strip() else _REASON_WANTED)
            refusal = refusal or await acknowledge(store, breach, reason)
            if refusal is not None:
                return refusal
        if from_start:
            await store.monitor.begin_again()
        if catch_up or from_start or breach is not None:
            await running.catch_up()
        return _Found(
            await store.monitor.state(),
            await store.monitor.breaches(_MOST_SHOWN, closed=closed),
            await states_of(store, office.tenant),
        )

    found = administer(context, work, proved=False)
    emit(context, _data(found), _text(found))
    if not found.is_ok:
        context.exit(1)


def _data(found: _Found) -> dict[str, Any]:
    state = found.state
    return {
        "ok": found.is_ok,
        "position": state.position,
        "head": state.head,
        "behind_events": state.head - state.position,
        "behind_seconds": _behind(state),
        "rows": state.rows,
        "open": len(found.open),
        "breaches": [_breach(known) for known in found.breaches],
        "evidence": states_data(found.schedules),
    }


def _breach(known: KnownBreach) -> dict[str, Any]:
    breach, acknowledged = known.breach, known.acknowledged_at
    return {
        "id": breach.id,
        "rule": breach.rule,
        "meaning": RULES.get(breach.rule, ""),
        "stream": breach.stream,
        "positions": list(breach.positions),
        "about": breach.about,
        "found_at": time_of(known.found_at),
        "alarm": known.told_at,
        "acknowledged_at": None if acknowledged is None else time_of(acknowledged),
    }


def _behind(state: MonitorState) -> float:
    """How long the oldest event that is not proved has waited, in seconds."""
    waited = 0 if state.waiting_since is None else max(0, state.now - state.waiting_since)
    return round(waited / MICROSECONDS, 3)


def _text(found: _Found) -> RenderableType:
    state = found.state
    proved = Text(f"Proved up to position {state.position} of {state.head}.")
    if state.position < state.head:
        count = state.head - state.position
        proved.append(f" {count} events wait, the oldest for {_behind(state):.1f} seconds.")
    evidence: list[RenderableType] = []
    if found.alarms:
        evidence = [Text("\nScheduled evidence:"), states_text(found.alarms)]
    return Group(proved, *map(_described, found.breaches), *evidence, _conclusion(found))


def _described(known: KnownBreach) -> RenderableType:
    breach = known.breach
    facts = {
        "Rule": f"{breach.rule}: {RULES.get(breach.rule, '')}",
        "Stream": breach.stream,
        "Positions": ", ".join(map(str, breach.positions)),
        "About": breach.about,
        "Found (UTC)": time_of(known.found_at),
        "Acknowledged": "" if known.acknowledged_at is None else time_of(known.acknowledged_at),
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, Text(shown(value)))
    style = "bold red" if known.acknowledged_at is None else "dim"
    return Group(Text(), Text(f"Breach {breach.id}", style=style), table)


def _conclusion(found: _Found) -> Text:
    if found.open:
        return Text(f"\n{len(found.open)} open: look into each, then acknowledge it.", style="bold red")
    if not found.state.position:
        return Text("Nothing is proved yet: start a server, or try --catch-up.", style="bold red")
    if found.alarms:
        return Text("No breach is open, but evidence is missing.", style="bold red")
    return Text("No breach is open.", style="green")
