"""``authrim keys``: the keys that sign tokens, and the keys that clients encrypt to."""

from time import time

import click
import msgspec

from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._keys_rotate_master import rotate_master
from authrim.commands._options import log_reason_option
from authrim.core import signing_keys
from authrim.core.master_proof import give_up_master_key
from authrim.core.signing_keys import ListedKey
from authrim.crypto.key_pair import ENCRYPTION_ALGORITHMS, SIGNING_ALGORITHMS
from domain.errors import Refusal
from domain.key.key import Key

_COLUMNS = ("kid", "alg", "use", "life", "active_from")
_ALGORITHMS = (*SIGNING_ALGORITHMS, *ENCRYPTION_ALGORITHMS)


@click.group()
def keys() -> None:
    """List, rotate and revoke the keys of the server."""


@keys.command("list")
@click.option("--all", "gone_too", is_flag=True, help="Include keys that have left the key set.")
@click.pass_context
def list_(context: click.Context, *, gone_too: bool) -> None:
    """List the keys and their states: published, active, retired, gone."""

    async def work(office: Office) -> tuple[ListedKey, ...] | Refusal:
        return signing_keys.list_keys(await office.configuration(), office.tenant, int(time()))

    listed = [key for key in administer(context, work) if gone_too or key.life != "gone"]
    print_list(context, "keys", _COLUMNS, [_described(key) for key in listed])


@keys.command("rotate")
@click.option("--alg", "algs", multiple=True, type=click.Choice(_ALGORITHMS), help="Default: all.")
@click.option(
    "--now",
    "urgent",
    is_flag=True,
    help="Use the next key at once: the published one, or else a new one that no cache knows yet.",
)
@click.pass_context
def rotate(context: click.Context, algs: tuple[str, ...], *, urgent: bool) -> None:
    """Publish the next key. It takes over when every cache can know it, and the current key retires."""

    async def work(office: Office) -> list[Key] | Refusal:
        configuration = await office.configuration()
        made: list[Key] = []
        for alg in algs or office.settings.key_algorithms:
            key = await signing_keys.rotate_key(
                office.store, office.private, configuration, office.tenant, alg, urgent=urgent
            )
            if isinstance(key, Refusal):
                return key
            made.append(key)
        return made

    made = administer(context, work)
    rows = [{"kid": key.kid, "alg": key.alg, "active_from": moment(key.active_from)} for key in made]
    print_list(context, "keys", ("kid", "alg", "active_from"), rows)


@keys.command("revoke")
@click.argument("kid")
@log_reason_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def revoke(context: click.Context, kid: str, reason: str, *, yes: bool) -> None:
    """Remove a leaked key from the key set at once. A key that is in use is replaced at the same moment."""
    if not yes:
        click.confirm(
            "Nothing that this key signed will verify any more, and nothing encrypted to it opens. Go on?",
            abort=True,
            err=True,
        )

    async def work(office: Office) -> Key | Refusal | None:
        configuration = await office.configuration()
        return await signing_keys.revoke_key(
            office.store, office.private, configuration, office.tenant, kid, reason
        )

    replacement = administer(context, work)
    replaced_by = None if replacement is None else replacement.kid
    print_fields(context, {"kid": kid, "status": "revoked", "replaced_by": replaced_by})


keys.add_command(rotate_master)


@keys.command("give-up-master")
@click.argument("key_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def give_up_master(context: click.Context, key_id: str, *, yes: bool) -> None:
    """Continue without a master key that is lost. KEY_ID is the id that a refused start reports."""
    if not yes:
        click.confirm(
            "What was sealed under this key is lost: people's data and logins, keys, pairwise subjects. Go on?",
            abort=True,
            err=True,
        )

    async def work(office: Office) -> str | Refusal:
        return await give_up_master_key(office.store, office.master, key_id)

    print_fields(context, {"key_id": administer(context, work, proved=False), "status": "given up"})


def _described(key: ListedKey) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(key)
    times = {name: moment(getattr(key, name)) for name in ("created_at", "active_from")}
    return {**fields, **times, "revoked_at": None if key.revoked_at is None else moment(key.revoked_at)}
