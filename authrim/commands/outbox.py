"""``authrim outbox``: messages that wait for their receivers, and those that were given up."""

from typing import Any, Final

import click

from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._options import limit_option
from authrim.core import outbox_changes
from authrim.core.outbox import LEFT_THE_LOG
from authrim.core.questions import refuse_reason
from authrim.store.outbox_contract import Chosen, DeliveryRow, ReceiverRow, receiver_key
from domain.errors import Refusal
from domain.units import MICROSECONDS

_KIND: Final = click.option("--kind", default="", help="Only this kind of delivery, such as webhook.")
_RECEIVER: Final = click.option(
    "--receiver", default="", help="Only messages to this client, webhook or stream, by its id."
)
_REASON: Final = click.option("--reason", default="", help="Why. Recorded in the log; nothing personal.")
#: What is said below a list that has such a message.
_LEFT: Final = (
    f"{LEFT_THE_LOG}: the event is in an archive alone, so no message can be made of it. Its receiver can be told what "
    "authrim log search DIRECTORY --from POSITION --to POSITION shows."
)


@click.group()
def outbox() -> None:
    """Show messages to others that could not be delivered, and deliver or discard them.

    Logout notices and webhooks are sent by running servers, again and again with growing pauses. A message that could
    not be delivered in time is dead: it stays here for 90 days, until you retry or discard it.
    """


@outbox.command("list")
@click.option("--waiting", is_flag=True, help="Show messages that are still tried instead of dead ones.")
@_KIND
@_RECEIVER
@click.option("--after", default="", metavar="ID", help="Start after this message.")
@limit_option
@click.pass_context
def list_(context: click.Context, kind: str, receiver: str, after: str, limit: int, *, waiting: bool) -> None:
    """List dead messages, each with the position of the event that it tells of.

    authrim audit search --from POSITION shows that event.
    """
    chosen = Chosen("", kind, receiver, dead=not waiting)

    async def work(office: Office) -> list[DeliveryRow] | Refusal:
        return list(await office.store.outbox.listed(chosen, after, limit))

    rows = administer(context, work)
    columns = ("id", "attempts", "reason", "due_at" if waiting else "dead_at")
    note = _LEFT if LEFT_THE_LOG in {row.reason for row in rows} else ""
    print_list(context, "messages", columns, [_line(row) for row in rows], note)


@outbox.command("receivers")
@click.option("--after", default="", metavar="ID", help="Start after this receiver.")
@limit_option
@click.pass_context
def receivers(context: click.Context, after: str, limit: int) -> None:
    """List the receivers: how many messages wait for each, how many are dead.

    failures is how often in a row it did not answer; next_at is when it is tried next.
    """

    async def work(office: Office) -> list[ReceiverRow] | Refusal:
        return list(await office.store.outbox.receivers(after, limit))

    columns = ("id", "waiting", "dead", "failures", "next_at")
    rows = administer(context, work)
    print_list(context, "receivers", columns, [_receiver(row) for row in rows])


@outbox.command("retry")
@click.argument("message_id", required=False, default="")
@click.option(
    "--all", "everything", is_flag=True, help="All dead messages, of --kind and --receiver if given."
)
@_KIND
@_RECEIVER
@_REASON
@click.pass_context
def retry(
    context: click.Context, message_id: str, kind: str, receiver: str, reason: str, *, everything: bool
) -> None:
    """Deliver dead messages again, as if they were new. Their receivers are tried at once.

    MESSAGE_ID is one of authrim outbox list; a message that still waits is tried at once, too.
    """
    chosen = _chosen(message_id, kind, receiver, everything=everything)

    async def work(office: Office) -> int | Refusal:
        refusal = refuse_reason(reason, demanded=False)
        return refusal or await outbox_changes.retry(office.store, chosen, reason)

    print_fields(context, {"retried": administer(context, work)})


@outbox.command("discard")
@click.argument("message_id", required=False, default="")
@click.option(
    "--all", "everything", is_flag=True, help="All dead messages, of --kind and --receiver if given."
)
@_KIND
@_RECEIVER
@click.option("--reason", required=True, help="Why nobody needs them. Recorded in the log; nothing personal.")
@click.pass_context
def discard(
    context: click.Context, message_id: str, kind: str, receiver: str, reason: str, *, everything: bool
) -> None:
    """Take dead messages away: their receivers will not get them. The events that they tell of stay in the log.

    MESSAGE_ID is one of authrim outbox list.
    """
    chosen = _chosen(message_id, kind, receiver, everything=everything)

    async def work(office: Office) -> int | Refusal:
        refusal = refuse_reason(reason, demanded=True)
        return refusal or await outbox_changes.discard(office.store, chosen, reason)

    print_fields(context, {"discarded": administer(context, work)})


def _chosen(message_id: str, kind: str, receiver: str, *, everything: bool) -> Chosen:
    if bool(message_id) == everything:
        raise click.UsageError("Name one message, or say --all.")
    if message_id and (kind or receiver):
        raise click.UsageError("--kind and --receiver belong to --all.")
    return Chosen(message_id, kind, receiver, dead=None if message_id else True)


def _line(row: DeliveryRow) -> dict[str, Any]:
    return {
        "id": row.key,
        "kind": row.kind,
        "receiver": row.receiver,
        "position": row.position,
        "since": moment(row.since // MICROSECONDS),
        "attempts": row.attempts,
        "reason": row.reason,
        "due_at": moment(row.due_at // MICROSECONDS),
        "dead_at": None if row.dead_at is None else moment(row.dead_at // MICROSECONDS),
    }


def _receiver(row: ReceiverRow) -> dict[str, Any]:
    return {
        "id": receiver_key(row.tenant, row.kind, row.receiver),
        "kind": row.kind,
        "receiver": row.receiver,
        "waiting": row.waiting,
        "dead": row.dead,
        "failures": row.failures,
        "next_at": None if row.due_at is None else moment(row.due_at // MICROSECONDS),
        "oldest_since": None if row.oldest is None else moment(row.oldest // MICROSECONDS),
    }
