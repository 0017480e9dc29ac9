"""``authrim setup``: the first set-up of an installation, guided or by a file of answers. It can be run again."""

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from authrim.commands._common import UnusableSettings, emit, is_json, settings_of
from authrim.commands._setup_answers import Answers, Unusable, read_answers, read_private_text
from authrim.commands._setup_questions import ask_administrator, ask_client, ask_owner, ask_settings
from authrim.commands._setup_steps import (
    Installation,
    Step,
    changed,
    check_client,
    chosen_password,
    has_administrator,
    has_client,
    is_up_to_date,
    keep_master_key,
    make_administrator,
    make_client,
    prepare_database,
    write_settings,
)
from authrim.commands._setup_tls import follows_of, way_of
from authrim.commands._setup_user import User, acting_as, server_user, user_for
from authrim.crypto.master import MasterKeyRefused, MasterKeys
from authrim.outside.telemetry import configure_command
from authrim.settings import BadSettings, Settings, check_values, configured, in_environment, load
from authrim.store.migrate import is_postgres

CONFIG: Final = Path("/etc/authrim/authrim.toml")
#: Where packages put the unit of the service.
_UNITS: Final = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
#: Answers that must be those of the settings that are there: others belong to another installation.
_SAME: Final = ("issuer", "database")
#: Stands for the master key while there is none: settings without one are refused.
_ANY_KEY: Final = "A" * 43
_KEEP: Final = "Keep this now, it is not shown again:"


@click.command()
@click.option(
    "--answers", "answers_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="A TOML file with the answers. Nothing is asked.",
)  # fmt: skip
@click.option("--user", metavar="NAME", help="For root: the user that the server runs as. Default: authrim.")
@click.pass_context
def setup(context: click.Context, answers_file: Path | None, user: str | None) -> None:
    """Set up an installation: settings, master key, database, first account, first client.

    It asks for what it needs, or reads it with --answers. The settings go to --config, by default
    /etc/authrim/authrim.toml. What is there already stays as it is, so that it can be run again: after an
    interruption, or after an upgrade.
    """
    configure_command()
    config = (context.find_root().params.get("config") or CONFIG).absolute()
    of_server = server_user(user)
    answers = None if answers_file is None else read_answers(answers_file)
    if answers is not None and answers.client is not None:
        check_client(answers.client)
    password = chosen_password(answers.administrator if answers else None)
    if config.exists():
        installed, notes = _existing(config, answers, of_server)
        owner = answers.database_owner if answers else _asked_owner(installed)
    else:
        answers = answers or ask_settings()
        installed, notes = _planned(config, answers, of_server), []
        owner = answers.database_owner
    steps = [prepare_database(installed, owner)]
    steps += [keep_master_key(installed), write_settings(installed)]
    context.find_root().params["config"] = config
    if answers_file is None:
        steps += _kept(_asked_steps(context, installed))
    else:
        assert answers is not None
        steps += _kept(_answered_steps(context, installed, answers, password))
    _tell(context, installed, steps, notes)
    _run_doctor(context, installed)


def _existing(config: Path, answers: Answers | None, user: User | None) -> tuple[Installation, list[str]]:
    """The installation that the file describes, and in which settings it is not what the answers say."""
    try:
        installed = Installation(config, load(config), None, user)
        written = {**configured(config), "database": installed.database}  # which may be in a file of its own
    except BadSettings as error:
        raise UnusableSettings(str(error)) from None
    if answers is None:
        return installed, []
    wanted = _fields(config, answers)
    others = [name for name, value in wanted.items() if written.get(name) != value]
    wrong = [name for name in others if name in _SAME]
    if wrong:
        raise Unusable(
            f"{', '.join(wrong)}: {config} has another value than the answers: it is of another installation. "
            "Correct one of the two, or give another file with --config. Nothing was changed"
        )
    notes = (
        [f"{config} stays as it is. The answers have other values for: {', '.join(others)}"] if others else []
    )
    return installed, notes


def _planned(config: Path, answers: Answers, user: User | None) -> Installation:
    """The installation that the answers describe, judged before anything is made."""
    fields = _fields(config, answers)
    overriding = in_environment(fields)
    if overriding:
        raise Unusable(
            f"{', '.join(overriding)}: would override the settings that are written: unset it first"
        )
    key_file = Path(fields["master_key_file"])
    values = {name: value for name, value in fields.items() if name != "master_key_file"}
    try:
        settings = check_values({**values, "master_keys": _keys_of(key_file, user)}, "answers")
    except BadSettings as error:
        raise UnusableSettings(str(error)) from None
    settings = settings.model_copy(update={"master_key_file": key_file}).read_from(str(key_file))
    with acting_as(user):
        way_of(answers.tls).check(settings)
    return Installation(config, settings, fields, user)


def _keys_of(file: Path, user: User | None) -> list[str]:
    """The master keys that are there already. Raises Unusable when something else is."""
    with acting_as(user):
        if not os.path.lexists(file):
            return [_ANY_KEY]
        keys = read_private_text(file).split()
    if not keys:
        raise Unusable(
            f"{file}: there is no master key in it: put it there, or remove the file and one is made"
        )
    try:
        MasterKeys.from_settings(keys)
    except MasterKeyRefused as refused:
        raise Unusable(f"{file}: {refused}") from None
    return keys


def _fields(config: Path, answers: Answers) -> dict[str, Any]:
    """The settings that the answers stand for, by their names, as they are written."""
    has_scheme = ":" in answers.database.partition("/")[0]  # whatever it is, it is no name of a file
    database = answers.database if has_scheme else str(Path(answers.database).absolute())
    key_file = answers.master_key_file or config.with_name("master.key")
    fields: dict[str, Any] = {
        "issuer": answers.issuer,
        "database": database,
        "master_key_file": str(key_file.absolute()),
    }
    fields |= {"workers": answers.workers} if answers.workers != 1 else {}
    fields |= way_of(answers.tls).fields(answers)
    fields |= {"host": list(answers.host)} if answers.host else {}
    fields |= {} if answers.port is None else {"port": answers.port}
    return fields


def _asked_owner(installed: Installation) -> str | None:
    """The owner of the tables, when there is something for it to do."""
    return ask_owner() if is_postgres(installed.database) and not is_up_to_date(installed) else None


def _kept(steps: Iterator[Step]) -> list[Step]:
    """All the steps. When one is refused or interrupted, what those before it made is told all the same: it is shown
    once, and kept nowhere."""
    made: list[Step] = []
    try:
        for step in steps:
            made.append(step)
    except BaseException:
        if secrets := _shown_once(made):
            click.echo("\n".join([_KEEP, *secrets, ""]), err=True)
        raise
    return made


def _asked_steps(context: click.Context, installed: Installation) -> Iterator[Step]:
    """Ask only for what there is none of."""
    if has_administrator(context, installed):
        yield Step("administrator", "unchanged", "there is one")
    elif administrator := ask_administrator():
        yield make_administrator(context, installed, *administrator)
    else:
        yield Step("administrator", "left out", "")
    if has_client(context, installed):
        yield Step("client", "unchanged", "there is one")
    elif client := ask_client():
        yield make_client(context, installed, client)
    else:
        yield Step("client", "left out", "")


def _answered_steps(
    context: click.Context, installed: Installation, answers: Answers, password: str | None
) -> Iterator[Step]:
    person, client = answers.administrator, answers.client
    yield (
        Step("administrator", "left out", "")
        if person is None
        else make_administrator(context, installed, person, password)
    )
    yield Step("client", "left out", "") if client is None else make_client(context, installed, client)


def _tell(context: click.Context, installed: Installation, steps: list[Step], notes: list[str]) -> None:
    """What was done, what was made that is shown only once, and what is left to do."""
    left, paste = _left_to_do(installed, steps)
    data = {
        "changed": changed(steps),
        "config": str(installed.config),
        "steps": [{"step": one.name, "state": one.state, "detail": one.detail, **one.shown} for one in steps],
        "notes": notes,
        "left_to_do": left,
        "proxy": paste,
    }
    lines = [f"{one.name:<14}{one.state:<11}{one.detail}" for one in steps]
    secrets = _shown_once(steps)
    lines += ["", _KEEP, *secrets] if secrets else []
    lines += ["", *notes] if notes else []
    if data["changed"]:
        lines += ["", "What is left to do:", *(f"{number}. {text}" for number, text in enumerate(left, 1))]
        lines += ["", paste] if paste else []
    else:
        lines += ["", "Nothing was changed."]
    emit(context, data, "\n".join(lines))
    if not is_json(context):
        _print_recipes(steps)


def _shown_once(steps: list[Step]) -> list[str]:
    return [
        f"{one.name}: {name} {value}"
        for one in steps
        for name, value in one.shown.items()
        if name != "recipe"
    ]


def _print_recipes(steps: list[Step]) -> None:
    for snippet in (one for step in steps for one in step.shown.get("recipe", {}).get("snippets", ())):
        click.echo(f"\n# {snippet['file'] or 'In a shell'}\n\n{snippet['text'].rstrip()}")


def _left_to_do(installed: Installation, steps: list[Step]) -> tuple[list[str], str]:
    authrim = _command(installed)
    proxy, paste = follows_of(installed.settings)
    state = {step.name: step.state for step in steps}
    if state["settings"] == "unchanged":
        return ["Restart the server, if it is running: systemctl restart authrim"], ""
    left = [
        f"Copy the master key ({installed.settings.master_key_file}) to a safe place, apart from the backups of the "
        "database. Without it, they cannot be read.",
        "Start the server: systemctl enable --now authrim"
        if any((folder / "authrim.service").exists() for folder in _UNITS)
        else f"Start the server: {authrim} serve",
        proxy,
    ]
    if state["administrator"] == "left out":
        left.append(f"Create an account: {authrim} account create LOGIN")
    if state["client"] == "left out":
        left.append(f"Register an application: {authrim} client create --for list")
    if _doctor(None) is not None:
        left.append(f"Then see whether everything is right: {authrim} doctor")
    return left, paste


def _command(installed: Installation) -> str:
    """How this installation is administered, by the user of the server."""
    user = installed.user
    own = Path(sys.argv[0])
    program = shutil.which("authrim") or (str(own.absolute()) if own.name == "authrim" else "authrim")
    if user is not None and Path(program) == Path("/usr/bin/authrim"):
        return "authrim"  # the package's, which knows the settings and the user
    prefix = "" if user is None else f"runuser -u {user.pw_name} -- "
    return f"{prefix}{program} --config {installed.config}"


def _doctor(context: click.Context | None) -> click.Command | None:
    from authrim.commands.root import main  # the root loads this module

    return main.get_command(context or click.get_current_context(), "doctor")


def _run_doctor(context: click.Context, installed: Installation) -> None:
    """Ask the doctor when the server is there to be examined."""
    doctor = _doctor(context)
    if doctor is None or is_json(context) or not _answers(settings_of(context)):
        return
    with acting_as(user_for(installed.database, installed.user)):
        context.invoke(doctor)


def _answers(settings: Settings) -> bool:
    host = "127.0.0.1" if settings.host[0] in {"::", "0.0.0.0"} else settings.host[0]  # noqa: S104
    try:
        with socket.create_connection((host, settings.port), timeout=2):
            return True
    except OSError:
        return False
