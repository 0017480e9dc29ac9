"""Secrets that are not in the configuration itself: in a file that a setting names, or in a credential of systemd.

Every setting that holds a secret can be given in each of these ways, or by its environment variable. Given in two of
them it is refused, because nobody could tell which one counts.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

#: The settings that hold a secret, each with the setting that names a file for it.
SECRET_FILES: Final[Mapping[str, str]] = {
    "master_keys": "master_key_file",
    "next_master_key": "next_master_key_file",
    "pkcs11_pin": "pkcs11_pin_file",
    "database": "database_file",
    "database_listen": "database_listen_file",
    "database_replica": "database_replica_file",
    "client_cert_secret": "client_cert_secret_file",
    "trace_export_authorization": "trace_export_authorization_file",
}
#: Settings that are lists: their files have one value per line.
_LISTS: Final = frozenset({"master_keys"})
#: Where systemd puts the credentials of a service (systemd.exec(5)), and what the names of ours begin with.
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
PREFIX: Final = "authrim."


def read_secret_files(
    given: dict[str, Any], places: dict[str, str], overridden: Iterable[str], environment: Mapping[str, str]
) -> list[str]:
    """Put the secrets from files where their settings would be, with their place. The answer: one line per problem.

    ``overridden``: settings of the command line, which win.
    """
    problems: list[str] = []
    for name, file_setting in SECRET_FILES.items():
        sources = _sources(name, file_setting, given, places, environment)
        if name in overridden or not sources:
            continue
        (place, path), *others = sources
        beside = [other for other, _ in others]
        if name in given:
            beside.append(f"{places[name]}{name}")
        if beside:
            problems.append(f"{place}: is set beside {', '.join(beside)}: remove one of the two")
            continue
        read = _read(name, path)
        if isinstance(read, str):
            problems.append(f"{place}: {read}")
            continue
        given[name] = list(read) if name in _LISTS else read[0]
        places[name] = f"{path}: "
    return problems


def _sources(
    name: str, file_setting: str, given: Mapping[str, Any], places: Mapping[str, str],
    environment: Mapping[str, str],
) -> list[tuple[str, Path]]:  # fmt: skip
    """The files that hold a secret: what to call each in a message, and its path."""
    sources = []
    if given.get(file_setting) is not None:
        sources.append((f"{places[file_setting]}{file_setting}", Path(str(given[file_setting]))))
    folder = environment.get(CREDENTIALS)
    if folder and (credential := Path(folder) / f"{PREFIX}{name}").exists():
        sources.append((f"the credential {PREFIX}{name}", credential))
    return sources


def _read(name: str, path: Path) -> tuple[str, ...] | str:
    """The values in a file, or what is wrong with it. The message never repeats what is in the file."""
    try:
        text = path.read_text("utf-8").strip()
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        wanted = "one key per line" if name in _LISTS else "the value"
        return f"the file must hold {wanted} and nothing else"
    if name in _LISTS:
        return tuple(text.split())
    return (text,)
