"""``authrim webhook``: addresses that are told of events."""

from collections.abc import Mapping
from typing import Any

import click

from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._options import log_reason_option
from authrim.core.questions import refuse_reason
from authrim.webhooks import records
from authrim.webhooks.records import WithSecret
from domain.errors import Refusal
from domain.webhook.webhooks import HMAC, SIGNATURES, Webhook


@click.group()
def webhook() -> None:
    """Tell addresses of others about events of the log, as they happen.

    Messages have the signatures of Standard Webhooks (standardwebhooks.com) and no personal data. Running servers
    deliver them through the outbox; authrim outbox shows what could not be delivered. docs/audit/webhooks.md has an
    example.
    """


@webhook.command("create")
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, required=True, metavar="TYPE",
    help="A type of event such as grant.revoked.v1, a group such as account.*, or * for all; repeatable.",
)  # fmt: skip
@click.option(
    "--signature", type=click.Choice(SIGNATURES), default=HMAC, show_default=True,
    help="hmac: a secret that only the receiver may have. ed25519: a public key, which anybody may have.",
)  # fmt: skip
@click.pass_context
def create(context: click.Context, url: str, events: tuple[str, ...], signature: str) -> None:
    """Tell the address URL of all further events of these types.

    Prints what the receiver verifies signatures with: once, for the server keeps it sealed.
    """

    async def work(office: Office) -> WithSecret | Refusal:
        wanted = (url, tuple(dict.fromkeys(events)), signature)
        return await records.create_webhook(
            office.store, office.private, office.egress, office.tenant, wanted
        )

    _show_secret(context, administer(context, work))


@webhook.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """List the webhooks, without their addresses and secrets. authrim outbox receivers shows what waits for each."""

    async def work(office: Office) -> Mapping[str, Webhook] | Refusal:
        return await records.list_webhooks(office.store, office.tenant)

    rows = [_described(one) for one in administer(context, work).values()]
    print_list(context, "webhooks", ("webhook_id", "host", "events"), rows)


@webhook.command("rotate")
@click.argument("webhook_id")
@click.pass_context
def rotate(context: click.Context, webhook_id: str) -> None:
    """Sign with a new secret. For a day, each message has a signature with the one before, too."""

    async def work(office: Office) -> WithSecret | Refusal:
        return await records.rotate_secret(office.store, office.private, office.tenant, webhook_id)

    _show_secret(context, administer(context, work))


@webhook.command("delete")
@click.argument("webhook_id")
@log_reason_option
@click.pass_context
def delete(context: click.Context, webhook_id: str, reason: str) -> None:
    """Tell an address of nothing any more. Its secret and the messages that wait for it are deleted."""

    async def work(office: Office) -> int | Refusal:
        refusal = refuse_reason(reason, demanded=False)
        return refusal or await records.delete_webhook(office.store, office.tenant, webhook_id, reason)

    print_fields(
        context, {"webhook_id": webhook_id, "status": "deleted", "discarded": administer(context, work)}
    )


def _show_secret(context: click.Context, made: WithSecret) -> None:
    name = "secret" if made.webhook.signature == HMAC else "public_key"
    print_fields(context, {**_described(made.webhook), name: made.secret})


def _described(one: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": one.webhook_id,
        "host": one.host,
        "events": list(one.event_types),
        "signature": one.signature,
        "created_at": moment(one.created_at),
        "rotated_at": None if one.rotated_at is None else moment(one.rotated_at),
    }
