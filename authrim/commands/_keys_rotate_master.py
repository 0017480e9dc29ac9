"""``authrim keys rotate-master``: the newest master key takes over from the older ones."""

import click

from authrim.commands._administering import Office, administer, print_fields
from authrim.commands._common import progress_of
from authrim.core.rotate_master import Rotation, rotate_master_key
from authrim.people.login_hashes import moving_logins
from domain.errors import Refusal


@click.command("rotate-master")
@click.option(
    "--servers-stopped",
    is_flag=True,
    help="No server and no background process runs: do not ask with which key they started.",
)
@click.pass_context
def rotate_master(context: click.Context, *, servers_stopped: bool) -> None:
    """Seal everything again under the first master key. Afterwards the older ones can leave the settings.

    Servers go on answering meanwhile. The command can be interrupted at any time: run it again, and it goes on.
    Before it, put the new key in front of the older ones on every machine, and start every process again.
    """

    async def work(office: Office) -> Rotation | Refusal:
        whole = sum(await office.store.resealing.totals())
        looked_at = 0

        def advance(rows: int) -> None:
            nonlocal looked_at
            looked_at += rows
            # What was changed is looked through once more, to see that nothing is left.
            report(min(looked_at, 2 * whole), 2 * whole)

        logins = moving_logins(office.store, office.private, office.master)
        return await rotate_master_key(
            office.store, office.master, [logins], advance, servers_stopped=servers_stopped
        )

    with progress_of("Sealing again") as report:
        done = administer(context, work)
    fields = {
        "current": done.current, "rows_changed": done.changed, "rows_unreadable": done.unreadable,
        "replaced": done.replaced, "may_leave": done.may_leave,
    }  # fmt: skip
    print_fields(context, fields, "The keys under may_leave can be taken out of the settings.\n")
