"""What the administrator's commands share: an open store with the keys to its private rows, and their output."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import click
from rich.text import Text

from authrim.audit.readings import Reading, Readings
from authrim.clients.fetched_documents import FetchContext
from authrim.clients.logos import LogoChange
from authrim.clients.records import RegistrationContext
from authrim.clients.secrets import ClientSecrets
from authrim.commands._common import (
    emit,
    failures_told,
    is_json,
    json_text,
    reading_told,
    readings_of,
    run_with_store,
    settings_of,
)
from authrim.commands.list_layout import list_text
from authrim.core.claim_definitions import read_catalogue
from authrim.core.clients_and_keys import Configuration
from authrim.core.master_proof import master_keys_of, prove_master_keys
from authrim.core.sealed_rows import PrivateData
from authrim.core.signing_keys import key_ring_of
from authrim.crypto.master import MasterKeys
from authrim.outside.egress import Egress
from authrim.outside.telemetry import configure_command, visible
from authrim.settings import Settings
from authrim.store.read_back import ReadBack
from domain.errors import ERROR_RESPONSE, Refusal
from domain.stream import DEFAULT_TENANT

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Office:
    """What a command works with. ``log``: where an answer is read that may lag."""

    settings: Settings
    store: ReadBack
    master: MasterKeys
    private: PrivateData
    egress: Egress
    readings: Readings
    log: Reading
    tenant: str = DEFAULT_TENANT

    @property
    def keeper(self) -> ClientSecrets:
        """The rows with the secrets that clients sign with."""
        return ClientSecrets(self.store, self.master)

    @property
    def fetching(self) -> FetchContext:
        """What a registration fetches addresses with."""
        return FetchContext(self.egress, self.private)

    async def registration_context(self, logo: LogoChange | None = None) -> RegistrationContext:
        """What a client is registered and updated with."""
        return RegistrationContext(
            development=self.settings.development,
            logo=logo,
            keeper=self.keeper,
            fetching=self.fetching,
            algorithms=self.settings.signing_algorithms,
            catalogue=await read_catalogue(self.store, self.tenant),
        )

    async def configuration(self) -> Configuration:
        """The signing keys as of now."""
        configuration = Configuration(self.store, key_ring_of(self.settings, self.private))
        await configuration.open()
        return configuration


def administer(
    context: click.Context, work: Callable[[Office], Awaitable[T | Refusal]], *, proved: bool = True
) -> T:
    """Do some work on the configured store; a refusal is printed and ends the command with status 1.

    ``proved``: the master keys are proved first to be those of the database.
    """
    settings = settings_of(context)
    configure_command()
    with failures_told(settings):
        master = master_keys_of(settings)

    async def at_the_office(store: ReadBack) -> T | Refusal:
        if proved:
            await prove_master_keys(store, master)
        egress, readings = Egress.from_settings(settings), readings_of(settings, store)
        try:
            with reading_told(readings) as log:
                private = PrivateData(store, master)
                return await work(Office(settings, store, master, private, egress, readings, log))
        finally:
            await egress.close()

    answer = run_with_store(context, at_the_office)
    if isinstance(answer, Refusal):
        _refuse(context, answer)
    return answer


def _refuse(context: click.Context, refusal: Refusal) -> NoReturn:
    """The refusal as JSON on standard output, or as text on standard error. Of the section of all error responses an
    operator learns nothing, so only a closer one is told."""
    section = "" if refusal.section == ERROR_RESPONSE else refusal.section
    if is_json(context):
        names = ("error", "description", "hint")
        click.echo(json_text({**{name: getattr(refusal, name) for name in names}, "section": section}))
    else:
        lines = (f"Refused: {refusal.error}", refusal.description, refusal.hint, section)
        click.echo("\n  ".join(line for line in lines if line), err=True)
    context.exit(1)


def moment(seconds: int) -> str:
    """A time, in seconds since 1970, in the form of RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def print_fields(context: click.Context, fields: Mapping[str, Any], note: str = "") -> None:
    """One thing, one field per line. Empty fields are in the JSON only. ``note`` is for people."""
    shown = {name: _text(value) for name, value in fields.items() if value not in (None, "", (), [], {})}
    width = max((len(name) for name in shown), default=0)
    text = Text()
    for name, value in shown.items():
        text.append(f"{name:<{width}}  ", "bold")
        text.append(value.replace("\n", "\n" + " " * (width + 2)) + "\n")
    text.append(note)
    text.rstrip()
    emit(context, fields, text)


def print_list(
    context: click.Context,
    name: str,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    note: str = "",
) -> None:
    """Several things under the names of the columns, in 80 columns; as JSON with all their fields. ``note`` is for
    people."""
    lines = [[_text(row[column]).replace("\n", " ") for column in columns] for row in rows]
    text = list_text(columns, lines)
    text.append(note)
    text.rstrip()
    emit(context, {name: rows}, text)


def _text(value: Any) -> str:
    """A value as people read it: a list with one entry per line, an empty value as a dash. Much of what is shown was
    chosen by somebody else, such as the key set of a client: no text in it steers the terminal (A226)."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return "\n".join(_text(item) for item in value)
        case dict():
            return "\n".join(f"{visible(str(name))}: {_text(member)}" for name, member in value.items())
        case _:
            return visible(str(value))
