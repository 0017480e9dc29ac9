"""``authrim audit ocsf`` and ``siem``: events as records for SIEMs, and how far those of a server have come."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import click

from authrim.audit.ocsf.records import json_line, record_of
from authrim.audit.past.moments import Time, position_of
from authrim.commands._administering import Office, administer, print_list
from authrim.commands._moments import MomentType
from authrim.core.questions import Question, record_question, refuse_reason
from authrim.siem.sinks import sink_names
from authrim.store.contract import StoredEvent
from authrim.store.log_reading import LogReading
from domain.errors import Refusal

_PAGE: Final = 500


@click.command("ocsf")
@click.option("--from", "first", type=MomentType(), help="Not before this time or position. Times are UTC.")
@click.option("--to", "last", type=MomentType(), help="Before this time, or up to this position.")
@click.option("--follow", "follows", is_flag=True, help="Go on with whatever comes, up to --to.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Append to this file instead of printing."
)
@click.option("--reason", default="", help="Why you copy events. Recorded; nothing personal.")
@click.pass_context
def ocsf(
    context: click.Context, first: int | Time | None, last: int | Time | None, out: Path | None, reason: str,
    *, follows: bool,
) -> None:  # fmt: skip
    """Print events as OCSF records, one JSON object per line, in the order of the log.

    The records follow the Open Cybersecurity Schema Framework, version 1.8.0, and say where in the log each event is
    (metadata.sequence). That somebody copied events is recorded first. A server sends the same records by itself:
    docs/audit/siem.md.
    """

    async def work(office: Office) -> int | Refusal:
        refusal = refuse_reason(reason, demanded=False)
        if refusal is not None:
            return refusal
        if follows:
            office.log.stay_at_primary()
        office.log.needs(first, last)
        after = await position_of(office.log, first, after=True) or 0
        until = await position_of(office.log, last, after=False)
        conditions = {"from": str(after + 1)} | ({} if until is None else {"to": str(until)})
        refusal = await record_question(
            office.store, office.tenant, Question("ocsf", reason, conditions, exported=True)
        )
        if refusal is not None:
            return refusal
        if not follows:
            head = (await office.log.head()).position
            until = head if until is None else min(until, head)
        if out is None:
            return await _write(office, sys.stdout.buffer, after, until)
        with out.open("ab") as file:
            return await _write(office, file, after, until)

    with suppress(KeyboardInterrupt):
        administer(context, work, proved=False)


@click.command("siem")
@click.pass_context
def siem(context: click.Context) -> None:
    """Show what the servers send to a SIEM, and how far it has been received.

    behind is how many events of the log have not been received yet, or not for long enough to be sure.
    """

    async def work(office: Office) -> list[dict[str, int | str]] | Refusal:
        head = (await office.store.head()).position
        names = sink_names(office.settings)
        positions = {name: await office.store.outbox.position(name) for name in names}
        return [
            {"sink": name, "position": position, "head": head, "behind": head - position}
            for name, position in positions.items()
        ]

    rows = administer(context, work, proved=False)
    print_list(context, "sinks", ("sink", "position", "head", "behind"), rows)


async def _write(office: Office, file: BinaryIO, after: int, until: int | None) -> int:
    """Write the records; how many."""
    count = 0
    async for events in _pages(office.log, after, until):
        for stored in events:
            record = record_of(stored, office.settings.issuer)
            if record is not None and stored.stream.startswith(f"{office.tenant}:"):
                file.write(json_line(record) + b"\n")
                count += 1
        file.flush()
    return count


async def _pages(store: LogReading, after: int, until: int | None) -> AsyncIterator[Sequence[StoredEvent]]:
    """The log after a position, up to another one, or without end."""
    async for _position in store.changes():
        while until is None or after < until:
            most = _PAGE if until is None else min(_PAGE, until - after)
            events = await store.read_log(after, most)
            if not events:
                break
            yield events
            after = events[-1].position
        if until is not None and after >= until:
            return
