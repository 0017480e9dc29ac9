"""Reading the settings: the environment overrides a TOML file, and the command line overrides both.

An error names the file or variable, the key, the problem and the fix. It never repeats a value, which may be a
secret.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from authrim.settings.model import Settings
from authrim.settings.platform import made_by_a_platform
from authrim.settings.secret_files import read_secret_files

ENVIRONMENT_PREFIX = "AUTHRIM_"

# A name this close to a setting's is a misspelling; one further away belongs to somebody else.
_MISSPELLED = 0.85

_FIXES = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be a text in quotes",
    "ip_v4_network": "must be a network without host bits, such as 10.0.0.0/8 or fd00::/8",
    "ip_v6_network": "must be a network without host bits, such as 10.0.0.0/8 or fd00::/8",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "tuple_type": "must be an array in TOML, or values with commas between them in the environment",
}


class BadSettings(Exception):
    """The settings cannot be used. The text has one line per problem, and never a value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def configured(config: Path | None = None) -> dict[str, Any]:
    """What the file and the environment say, as it is written there. Raises BadSettings."""
    made = made_by_a_platform(os.environ, ENVIRONMENT_PREFIX)
    return {**(_read_toml(config) if config is not None else {}), **_read_environment(made)}


def load(
    config: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of this process. ``overrides`` are the command line's own options, ``defaults`` what a command
    begins with in place of the settings' own defaults. Raises BadSettings."""
    from_file = _read_toml(config) if config is not None else {}
    made = made_by_a_platform(os.environ, ENVIRONMENT_PREFIX)
    from_environment = _read_environment(made)
    from_command_line = dict(overrides or {})
    given = {**from_file, **from_environment, **from_command_line}
    places = dict.fromkeys(from_file, f"{config}: ")
    places |= {key: f"{_variable(key)}: " for key in from_environment}
    places |= dict.fromkeys(from_command_line, "command line: ")
    before = places.get("master_keys")
    if problems := read_secret_files(given, places, from_command_line, os.environ):
        raise BadSettings(problems)
    from_a_file = places.get("master_keys") != before
    place = places["master_keys"].removesuffix(": ") if from_a_file else f"{before or ''}master_keys"
    given = {**(defaults or {}), **given}
    settings = _validated(given, places, config)
    return settings.read_from(place, sorted(made & _known()))


def check_values(given: Mapping[str, Any], place: str) -> Settings:
    """The settings that these values make, as those of a file that is about to be written; ``place`` is what an error
    names in its place. Raises BadSettings."""
    return _validated(given, dict.fromkeys(given, f"{place}: "), None)


def in_environment(names: Iterable[str]) -> list[str]:
    """The variables that would override these settings of a file."""
    return sorted(variable for name in names if (variable := _variable(name)) in os.environ)


def _validated(given: Mapping[str, Any], places: Mapping[str, str], config: Path | None) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = [_describe(detail, places, config) for detail in error.errors(include_input=False)]
        # A value that fits neither of two types is reported once for each.
        raise BadSettings(list(dict.fromkeys(problems))) from None


def _variable(key: str) -> str:
    return ENVIRONMENT_PREFIX + key.upper()


def _read_toml(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text("utf-8"))
    except OSError as error:
        raise BadSettings([f"{config}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise BadSettings([f"{config}: is not UTF-8 text: save it as UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings([f"{config}: is not TOML: {_line_of(error)}: texts stand in quotes"]) from None


def _line_of(error: tomllib.TOMLDecodeError) -> str:
    """Where the syntax error is, without the parser's message, which may quote the file."""
    place = re.search(r"at (line \d+, column \d+|end of document)", str(error))
    return place[1] if place else "syntax error"


def _known() -> set[str]:
    return {_variable(key) for key in Settings.model_fields}


def _read_environment(made: Set[str]) -> dict[str, Any]:
    """The settings in the environment, without the variables ``made`` by the platform that the process runs on."""
    known = _known()
    misspelled = []
    for name in sorted(os.environ.keys() - known - made):
        meant = (
            difflib.get_close_matches(name, known, 1, _MISSPELLED)
            if name.startswith(ENVIRONMENT_PREFIX)
            else []
        )
        misspelled += [f"{name}: is not a setting: did you mean {right}?" for right in meant]
    if misspelled:
        raise BadSettings(misspelled)
    # Small letters count too: a setting that is written down must never have no effect.
    written = {name.upper(): value for name, value in os.environ.items() if name not in made}
    return {
        key: written[variable] for key in Settings.model_fields if (variable := _variable(key)) in written
    }


def _describe(detail: ErrorDetails, places: Mapping[str, str], config: Path | None) -> str:
    """One problem in one line: the place, the key, what is wrong, what to do."""
    message = _FIXES.get(detail["type"], detail["msg"].removeprefix("Value error, "))
    message = message.replace("Input should be", "must be")
    if not detail["loc"]:
        # A rule over several settings names the first of them itself.
        key, _, message = message.partition(": ")
        return f"{places.get(key, '')}{key}: {message}"
    key = str(detail["loc"][0])
    item = "".join(f" number {part + 1}" for part in detail["loc"][1:2] if isinstance(part, int))
    if detail["type"] == "extra_forbidden":
        meant = difflib.get_close_matches(key, Settings.model_fields, 1)
        message = f"is not a setting: did you mean {meant[0]}?" if meant else "is not a setting: remove it"
    if detail["type"] == "missing":
        elsewhere = f" or {key} in {config}" if config else ", or name a file of settings with --config"
        message = f"is needed: set {_variable(key)}{elsewhere}"
    return f"{places.get(key, '')}{key}{item}: {message}"
