"""``authrim retention``: what has ended and leaves the tables beside the log."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from authrim.commands._administering import moment, print_list
from authrim.commands._common import run_with_store, settings_of
from authrim.core.retention import Retention
from authrim.store.read_back import ReadBack
from authrim.store.retention_contract import TableState
from domain.units import MICROSECONDS

_COLUMNS = ("table", "rows", "due", "behind_seconds", "pruned")
_NOTE = """
due: rows that have ended and leave next. behind_seconds: how long the first
of them has been due, on a running server about a minute. The log keeps all."""


@click.group()
def retention() -> None:
    """See and do what keeps the tables as small as what is alive."""


@retention.command("status")
@click.pass_context
def status(context: click.Context) -> None:
    """Show what each table holds, what of it is due to leave, and how much has left.

    A running server deletes by itself what has ended: expired and revoked tokens, sessions, unfinished requests, used
    values, delivered notices. docs/operations/growth.md says when. Rows that are due for long mean that no server is
    running, or that its database role may not delete them.
    """
    settings = settings_of(context)

    async def work(store: ReadBack) -> tuple[int, Sequence[TableState]]:
        keeper = Retention(store, settings)
        now = await keeper.now()
        return now, await keeper.measure(now)

    now, states = run_with_store(context, work)
    print_list(context, "tables", _COLUMNS, [_row(state, now) for state in states], _NOTE)


@retention.command("run")
@click.pass_context
def run(context: click.Context) -> None:
    """Delete now what is due, as a server would. A server may be running beside it.

    Use it after an import, or where a database is kept without a server. It changes no answer of the server.
    """
    settings = settings_of(context)

    async def work(store: ReadBack) -> Mapping[str, int]:
        keeper = Retention(store, settings)
        return await keeper.all_due(await keeper.now())

    deleted = run_with_store(context, work)
    rows = [{"table": name, "deleted": number} for name, number in deleted.items()]
    print_list(context, "tables", ("table", "deleted"), rows)


def _row(state: TableState, now: int) -> dict[str, Any]:
    return {
        "table": state.name,
        "rows": state.rows,
        "due": state.due,
        "behind_seconds": None if state.oldest_due is None else max(0, now - state.oldest_due),
        "pruned": state.pruned,
        "last_pruned": None if state.pruned_at is None else moment(state.pruned_at // MICROSECONDS),
    }
