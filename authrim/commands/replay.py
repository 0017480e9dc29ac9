"""``authrim replay``: decide a log again, to check a new version or to see what another policy would have decided."""

import tarfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import click
import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from authrim.audit.bundle.verify_bundle import EVENTS
from authrim.audit.replay.check import Replay, Report
from authrim.audit.replay.lines import NotALog, line_of, pages_of
from authrim.audit.replay.policy import SETTINGS, Policy
from authrim.audit.replay.what_if import Effect, WhatIf
from authrim.audit.sentences import shown
from authrim.commands._common import emit, is_json, json_text, progress_of, run_with_store, settings_of
from authrim.core.parts import response_modes_of, response_types_of
from authrim.features import UnknownFeature, enabled
from authrim.metrics.failures import in_words
from authrim.settings import Settings
from authrim.store.contract import StoredEvent
from authrim.store.read_back import ReadBack
from domain import stream as streams
from domain.client.metadata import ClientMetadata
from projections.followed import FOREIGN_KIND

_PAGE: Final = 1000
_FEATURES: Final = ("features_on", "features_off")
#: Differences that are shown to people; ``--json`` has all that are named.
_SHOWN: Final = 20

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("replay")
@click.option(
    "--from", "log", type=_FILE, help="A file that --save wrote. Default: the log of the configured database."
)
@click.option("--issuer", default="", help="The issuer of that log. Default: the configured one.")
@click.option(
    "--check", is_flag=True, help="Decide everything as it was recorded, and list what differs. The default."
)
@click.option(
    "--policy", type=_FILE, help="A TOML file with what to decide otherwise. See docs/audit/replay.md."
)
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Write the log to a new file.")
@click.pass_context
def replay(
    context: click.Context,
    log: Path | None,
    issuer: str,
    policy: Path | None,
    save: Path | None,
    *,
    check: bool,
) -> None:
    """Decide the whole log again with this version. Nothing is written to the database, and nothing is sent.

    --check compares each decision with the recorded one, byte for byte but for signatures. The exit status is 1 when
    one differs, when an event cannot be read, or when there is nothing to decide. Run it with a new version before you
    use it.

    --policy shows which grants and tokens would have differed, had the settings been those of the file. That is an
    answer, not a failure: the exit status is 0.

    The log has no personal data, and a saved log has none: names and claims are beside it.
    """
    if sum((check, policy is not None, save is not None)) > 1:
        raise click.UsageError("Choose one of --check, --policy and --save.")
    if save is not None:
        if log is not None:
            raise click.UsageError("--save copies the log of the configured database: leave out --from.")
        _save(context, save)
        return
    named = issuer or settings_of(context).issuer
    if policy is None:
        _check(context, log, named)
    else:
        _ask(context, log, named, policy)


def _check(context: click.Context, log: Path | None, issuer: str) -> None:
    replay = Replay(issuer)
    _run(context, log, replay.take)
    report = replay.report()
    _emit(context, report, {"ok": report.agrees, **_summary(report)}, _conclusion(report))
    if not report.agrees:
        context.exit(1)


def _ask(context: click.Context, log: Path | None, issuer: str, file: Path) -> None:
    replay = WhatIf(issuer, _policy(file, lambda: settings_of(context)))
    _run(context, log, replay.take)
    report, effect = replay.report(), replay.effect
    _emit(context, report, {**_summary(report), "effect": effect._asdict()}, _effect(effect))
    if report.unreadable or not report.decided:
        context.exit(1)


def _run(context: click.Context, log: Path | None, take: Callable[[Iterable[StoredEvent]], None]) -> None:
    """Give the whole log to ``take``. From a file no database is opened."""
    if log is not None:
        with _opened(log) as (file, size), progress_of("Deciding again") as progress:
            _run_file(log, file, size, take, progress)
        return

    async def work(store: ReadBack) -> None:
        head, after = (await store.head()).position, 0
        with progress_of("Deciding again") as progress:
            while after < head and (page := await store.read_log(after, min(_PAGE, head - after))):
                take(page)
                after = page[-1].position
                progress(after, head)

    run_with_store(context, work)


@contextmanager
def _opened(log: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The lines of a log in a file, and how many bytes they are. Of a bundle the events alone are read."""
    if not tarfile.is_tarfile(log):
        with log.open("rb") as file:
            yield file, log.stat().st_size
        return
    with tarfile.open(log, "r:") as bundle:
        member = next((one for one in bundle if one.name == EVENTS and one.isreg()), None)
        events = None if member is None else bundle.extractfile(member)
        if member is None or events is None:
            raise click.ClickException(f"{log} is no bundle: it has no {EVENTS}.")
        yield events, member.size


def _run_file(
    log: Path, file: IO[bytes], size: int, take: Callable[[Iterable[StoredEvent]], None],
    progress: Callable[[int, int], None],
) -> None:  # fmt: skip
    try:
        for page in pages_of(file, _PAGE):
            take(page)
            progress(file.tell(), size)
    except NotALog as wrong:
        raise click.ClickException(f"{log}: {wrong}.") from None


def _save(context: click.Context, path: Path) -> None:
    async def work(store: ReadBack) -> int:
        head, after = (await store.head()).position, 0
        try:
            file = path.open("xb")
        except FileExistsError:
            raise click.ClickException(f"{path} exists. Name a new file.") from None
        with file, progress_of("Saving the log") as progress:
            while after < head and (page := await store.read_log(after, min(_PAGE, head - after))):
                file.writelines(line_of(event, foreign=_is_foreign(event)) for event in page)
                after = page[-1].position
                progress(after, head)
        return after

    saved = run_with_store(context, work)
    emit(context, {"position": saved, "file": str(path)}, Text(f"Saved {saved} events to {path}."))


def _is_foreign(event: StoredEvent) -> bool:
    return streams.parse(event.stream).kind == FOREIGN_KIND


def _policy(file: Path, settings: Callable[[], Settings]) -> Policy:
    """The policy in a TOML file. What it does not name stays as it was recorded; without features in it, every
    recorded feature stays on."""
    try:
        named = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise click.ClickException(f"{file}: {wrong}") from None
    clients = named.pop("clients", {})
    features: dict[str, Any] = {name: tuple(named.pop(name)) for name in _FEATURES if name in named}
    for name, value in named.items():
        if name not in SETTINGS:
            known = ", ".join((*SETTINGS, *_FEATURES, "[clients.ID]"))
            raise click.ClickException(
                f"{file}: {name} has no part in a decision. A policy may name {known}."
            )
        if type(value) is not int or value < 0:
            raise click.ClickException(f"{file}: {name} is no number of seconds or times.")
    _refuse_members(file, clients)
    policy = Policy(named, clients=clients)
    if not features:
        return policy
    try:
        on = frozenset(one.name for one in enabled(settings().model_copy(update=features)))
    except UnknownFeature as wrong:
        raise click.ClickException(f"{file}: {wrong}") from None
    return msgspec.structs.replace(
        policy, offered=on, response_types=response_types_of(on), response_modes=response_modes_of(on)
    )


def _refuse_members(file: Path, clients: dict[str, Any]) -> None:
    """End the command when a client's table is no part of a registration."""
    for client_id, members in clients.items():
        unknown = sorted(set(members) - set(ClientMetadata.__struct_fields__))
        if unknown:
            raise click.ClickException(
                f"{file}: {unknown[0]} is no member of the registration of {client_id}."
            )
        try:
            msgspec.convert({**msgspec.to_builtins(ClientMetadata()), **members}, ClientMetadata)
        except msgspec.ValidationError as wrong:
            raise click.ClickException(f"{file}: the client {client_id}: {wrong}") from None


def _summary(report: Report) -> dict[str, Any]:
    return {
        "position": report.position,
        "decided": report.decided,
        "differing": report.differing,
        "not_recorded": report.not_recorded,
        "unreadable": [one._asdict() for one in report.unreadable],
    }


def _emit(context: click.Context, report: Report, summary: dict[str, Any], conclusion: Text) -> None:
    if is_json(context):
        for one in report.differences:
            click.echo(json_text(msgspec.to_builtins(one)))
        click.echo(json_text(summary))
        return
    emit(context, summary, _text(report, conclusion))


def _text(report: Report, conclusion: Text) -> RenderableType:
    made = sum(report.decided.values())
    lines = [Text(f"Decided {made} decisions again, up to position {report.position}.")]
    if report.not_recorded:
        untold = ", ".join(f"{count} {name}" for name, count in report.not_recorded.items())
        lines.append(Text(f"Not decided again, for want of what they were decided on: {untold}."))
    for one in report.differences[:_SHOWN]:
        lines.append(Text(f"  position {one.position}, {shown(one.stream)}: {one.decision}", style="yellow"))
        lines.extend(Text(f"      {shown(part)}") for part in one.what)
    if report.differing > _SHOWN:
        lines.append(Text(f"  and {report.differing - _SHOWN} more"))
    lines.extend(
        Text(f"  position {one.position} cannot be read: {in_words(one.kind)}", style="red")
        for one in report.unreadable
    )
    return Group(*lines, conclusion)


def _conclusion(report: Report) -> Text:
    if report.agrees:
        return Text("This version decides everything as it is recorded.", style="green")
    if report.differing:
        return Text(f"This version decides {report.differing} of them otherwise.", style="bold red")
    if report.unreadable:
        return Text("Not everything could be read, so nothing was proved.", style="bold red")
    return Text("There is nothing to decide again. Is this the right log?", style="bold red")


def _effect(effect: Effect) -> Text:
    return Text(
        f"{effect.grants} grants would have differed: {effect.access_tokens_missing} access tokens would not have been"
        f" issued, {effect.access_tokens_otherwise} would have been other ones."
    )
