"""What the commands share: the settings, an open store, and output as text or as JSON."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from authrim.audit.readings import Reading, Readings
from authrim.core.master_proof import WrongMasterKeys
from authrim.crypto.jws import CannotSign
from authrim.crypto.master import MasterKeyRefused
from authrim.crypto.sealing import SealBroken
from authrim.outside.telemetry import visible
from authrim.settings import BadSettings, Settings, load
from authrim.store.causes import FAILURES, cause_of
from authrim.store.contract import StoreError
from authrim.store.opening import open_store, replica_of
from authrim.store.read_back import ReadBack

if TYPE_CHECKING:
    # A server draws nothing.
    from rich.console import RenderableType

T = TypeVar("T")


#: Said where no grant has the id that was asked for.
WHERE_GRANT_IDS_ARE: Final = (
    "The id is the middle part of a code or refresh token, and the claim grant_id of a JWT."
)


class UnusableSettings(click.ClickException):
    """Ends a command as a wrong option does: nothing was done, and a retry will not help."""

    exit_code = 2


def settings_of(context: click.Context, **overrides: Any) -> Settings:
    """The settings from ``--config``, the environment and ``overrides``. A wrong one ends the command."""
    try:
        return load(context.find_root().params.get("config"), overrides)
    except BadSettings as error:
        raise UnusableSettings(str(error)) from None


@contextmanager
def failures_told(settings: Settings) -> Iterator[None]:
    """End the command with the cause and the fix when the database or a master key fails."""
    try:
        yield
    except (WrongMasterKeys, MasterKeyRefused) as wrong:
        raise UnusableSettings(f"{settings.master_keys_place}: {wrong}") from None
    except (StoreError, CannotSign) as error:
        raise click.ClickException(str(error)) from None
    except SealBroken as broken:
        raise click.ClickException(
            f"{broken}: it was damaged, or its master key was given up: restore it"
        ) from None
    except FAILURES as failed:
        raise click.ClickException(cause_of(failed)) from None


def run_with_store(context: click.Context, work: Callable[[ReadBack], Awaitable[T]]) -> T:
    """Do some work on the configured store. A server may be running or not."""
    settings = settings_of(context)

    async def run() -> T:
        store = open_store(settings)
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    with failures_told(settings):
        return asyncio.run(run())


def run_with_log(
    context: click.Context, work: Callable[[ReadBack, Reading], Awaitable[T]], *, primary: bool = False
) -> T:
    """Do some work that only reads the log, which a replica may have. ``primary``: not from there."""
    settings = settings_of(context)

    async def read(store: ReadBack) -> T:
        with reading_told(readings_of(settings, store)) as log:
            if primary:
                log.stay_at_primary()
            return await work(store, log)

    return run_with_store(context, read)


def readings_of(settings: Settings, store: ReadBack) -> Readings:
    """The readings of a command."""
    return Readings(store, replica_of(settings, store), settings.database_replica_lag)


@contextmanager
def reading_told(readings: Readings) -> Iterator[Reading]:
    """One answer's reading. Where it was read is said on standard error, where it disturbs no pipe."""
    with readings.reading() as log:
        yield log
        if log.said:
            click.echo(log.said, err=True)


def is_json(context: click.Context) -> bool:
    """Whether JSON output was requested."""
    return bool(context.find_root().params.get("as_json"))


def json_text(data: Mapping[str, Any]) -> str:
    """JSON for standard output, in ASCII where the stream supports nothing else. What JSON leaves as it is and a
    terminal may obey is escaped: it is the same JSON."""
    known = (sys.stdout.encoding or "").lower().replace("-", "")
    return visible(json.dumps(data, ensure_ascii=known != "utf8"))


def emit(context: click.Context, data: Mapping[str, Any], human: "RenderableType") -> None:
    """Print the answer: ``data`` with ``--json``, else ``human``. Lines that go to a file are not wrapped."""
    if is_json(context):
        click.echo(json_text(data))
    else:
        from rich.console import Console

        Console(soft_wrap=not sys.stdout.isatty(), highlight=False, markup=False).print(human)


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, if that is a terminal: call it with the work done and the total."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)

        def advance(done: int, whole: int) -> None:
            progress.update(task, completed=done, total=whole)

        yield advance
