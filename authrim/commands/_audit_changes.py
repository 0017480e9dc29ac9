"""``authrim audit changes``: what was changed from what to what, by whom, how that was allowed, and from where."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import click
from click.core import ParameterSource
from rich.console import Console
from rich.text import Text

from authrim.audit import search as searching
from authrim.audit.changes import KINDS, ChangePage, ChangeRecord, changes, narrowed, told, where
from authrim.audit.past.moments import Time, position_of
from authrim.audit.search import Wanted
from authrim.audit.sentences import reason_in_words, shown, value_in_words
from authrim.audit.timeline import time_of
from authrim.auditor.asking_past import ask_changes
from authrim.commands import option_groups
from authrim.commands._administering import Office, administer
from authrim.commands._common import is_json, json_text
from authrim.commands._moments import MomentType
from authrim.commands._one_account import asker_of
from authrim.commands.option_groups import GroupedCommand
from domain.changed_fields import ChangedField
from domain.errors import Refusal
from domain.stream import ACCOUNT, SETTING

#: Characters of a value for people; ``--json`` has all.
_LONGEST: Final = 120
_INDENT: Final = " " * 10


@click.command("changes", cls=GroupedCommand, groups=option_groups.CHANGES)
@click.argument("kind", type=click.Choice(KINDS), required=False, metavar="[KIND")
@click.argument("thing", default="", metavar="[ID]]")
@click.option("--actor", type=click.Choice(("client", "subject", "admin", "system")), help="Who acted.")
@click.option("--field", default="", help="Changes of this field, and nothing else of them.")
@click.option("--from", "first", type=MomentType(), help="Not before this time or position. Times are UTC.")
@click.option("--to", "last", type=MomentType(), help="Before this time, or up to this position.")
@click.option("--after", type=click.IntRange(0), default=0, help="Start after this position.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True,
    help="The maximum number of changes.",
)  # fmt: skip
@click.option("--follow", "follows", is_flag=True, help="Print all changes, and go on with whatever comes.")
@click.option("--reason", default="", help="Why you ask. Recorded; nothing personal. Needed with a login.")
@click.pass_context
def show_changes(
    context: click.Context, /, kind: str | None, thing: str, first: int | Time | None, last: int | Time | None,
    after: int, limit: int, *, follows: bool, **options: str,
) -> None:  # fmt: skip
    """Show what was changed: each field with its old and new value, who did it, how it was allowed, and from where.

    KIND is client, account, key, setting, resource (a resource server), scope (what people read about a scope value),
    claim (a claim definition), role (who has a role of the server) or registration (an initial access token). ID
    names one of them; without it all of the kind are shown, and without KIND all changes but people's consents. An
    account is named by its login or its subject; a login needs --reason. The settings of the server have no ID: use
    --field.

    Secrets and personal data are shown as "changed". Questions about an account are recorded in the log, and so is
    every --json.
    """
    if kind == SETTING and thing:
        raise click.UsageError("The settings have no ID: use --field.")
    if follows and context.get_parameter_source("limit") is not ParameterSource.DEFAULT:
        raise click.UsageError("--follow prints all that is found: leave --limit out.")
    printer = _Printer(context)

    async def work(office: Office) -> ChangePage | Refusal | None:
        thing_asked = kind or "", thing
        narrowed_to = {name: options[name] or "" for name in ("actor", "field")}
        named = await ask_changes(asker_of(context, office), thing_asked, narrowed_to, options["reason"])
        if isinstance(named, Refusal):
            return named
        values = where(office.tenant, kind or "", named)
        if options["actor"]:
            values["actor"] = (options["actor"],)
        if follows:
            office.log.stay_at_primary()
        office.log.needs(first, last, after)
        lower = await position_of(office.log, first, after=True)
        until = await position_of(office.log, last, after=False)
        wanted = Wanted(office.tenant, values, max(after, lower or 0), until)
        if not follows:
            return await changes(office.log, wanted, limit, named, options["field"])
        async for page in searching.follow(office.store, wanted):
            printer.show(narrowed(await told(office.store, page.lines), named, options["field"]))
        return None

    with suppress(KeyboardInterrupt):
        found = administer(context, work, proved=kind == ACCOUNT and bool(thing))
        if found is not None:
            printer.show(found.changes)
            printer.say_more(found)
    if not printer.all_readable:
        context.exit(1)


class _Printer:
    """Prints changes: as JSON lines, or for people."""

    def __init__(self, context: click.Context) -> None:
        self._json = is_json(context)
        self._console = Console(soft_wrap=not sys.stdout.isatty(), highlight=False, markup=False)
        self._above = ""
        self.all_readable = True

    def show(self, records: Iterable[ChangeRecord]) -> None:
        """Print some changes."""
        shown_now = list(records)
        self.all_readable = self.all_readable and all(one.readable for one in shown_now)
        if self._json:
            for record in shown_now:
                click.echo(json_text(record.as_json()))
        elif shown_now:
            text, self._above = _lines(shown_now, self._above)
            self._console.print(text)

    def say_more(self, found: ChangePage) -> None:
        """Say how to go on, or that there is nothing."""
        if not found.done:
            click.echo(f"There may be more: --after {found.position}", err=True)
        elif not found.changes and not self._json:
            self._console.print(Text(f"Nothing was changed up to position {found.position}."))


def _lines(records: Iterable[ChangeRecord], above: str) -> tuple[Text, str]:
    """The changes, each with its fields below it. Who made them is said once for the changes of one request; ``above``
    is what was said last."""
    text = Text()
    for record in records:
        request = " · ".join((record.by, *_origin(record)))
        if request != above:
            text.append(f"\n{request}\n", "cyan")
            above = request
        text.append_text(_change(record))
    text.rstrip()
    return text, above


def _origin(record: ChangeRecord) -> list[str]:
    metadata = record.line.metadata
    named = {"address": metadata.address, "trace": metadata.trace}
    return [f"{name} {shown(value)}" for name, value in named.items() if value]


def _change(record: ChangeRecord) -> Text:
    line = record.line
    time = time_of(line.recorded_at)[:-4].replace("T", " ")
    text = Text(f"{line.position:>8}  {time}  ")
    text.append(f"{record.kind} {shown(record.thing)}", "bold")
    text.append(f": {line.what}\n")
    if not record.readable:
        text.append(
            f"{_INDENT}An event up to here cannot be read by this version: the values are not known.\n", "red"
        )
    width = max((len(field.field) for field in record.fields), default=0)
    for field in record.fields:
        text.append(f"{_INDENT}{shown(field.field):<{width}}  ", "dim")
        text.append(f"{_values(field)}\n")
    if line.fields.get("reason"):
        text.append(f"{_INDENT}Reason: {reason_in_words(shown(line.fields['reason']))}\n", "dim")
    return text


def _values(field: ChangedField) -> str:
    if field.hidden:
        return field.hidden
    old, new = (value_in_words(field.field, value, _LONGEST) for value in (field.old, field.new))
    return f"{old} → {new}"
