"""The answers that ``authrim setup`` works with: what a file of them may hold, and how it is read."""

import os
import re
import tomllib
from pathlib import Path
from typing import Final, Literal

import click
import msgspec

from authrim.commands._client_create import PRESETS

#: What msgspec says of answers that do not fit, and what we say. ``at``: the table, then the answer in it.
_SAID: Final = (
    (re.compile(r"Object missing required field `(?P<name>.+?)`(?: - at `\$\.?(?P<at>.*)`)?"), "is needed"),
    (
        re.compile(r"Object contains unknown field `(?P<name>.+?)`(?: - at `\$\.?(?P<at>.*)`)?"),
        "there is no such answer: docs/operations/setup.md lists them",
    ),
    (re.compile(r"Expected `str.*`, got .* - at `\$\.?(?P<at>.*)`"), "must be text in quotes"),
    (
        re.compile(r"Expected `int.*`, got .* - at `\$\.?(?P<at>.*)`"),
        "must be a whole number, without quotes",
    ),
    (re.compile(r"Expected `array.*`, got .* - at `\$\.?(?P<at>.*)`"), 'must be a list, such as ["…"]'),
    (
        re.compile(r"Expected `object.*`, got .* - at `\$\.?(?P<at>.*)`"),
        "must be a table with answers of its own",
    ),
)
#: A file may be this open when it holds a secret: to its owner and to the owner's group, as ``/etc`` files of services.
_OTHERS: Final = 0o007


class AdministratorAnswers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first account, which gets the role ``auditor``. Without ``password_file``, a password is made and shown."""

    login: str
    password_file: Path | None = None
    email: str | None = None


class ClientAnswers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first client: for a product, or of a kind."""

    client_id: str
    product: str | None = msgspec.field(default=None, name="for")
    url: str | None = None
    type: str = "web"
    redirect_uris: tuple[str, ...] = ()
    name: str | None = None


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All answers. ``database_owner`` is the address by which the tables are made, where it is another role than the
    server's. Paths of TLS belong to ``tls = "files"`` and ``"acme"``, ``acme_…`` to ``"acme"``, ``proxies`` and
    ``listen_socket`` to ``tls = "proxy"``."""

    issuer: str
    database: str = "/var/lib/authrim/authrim.db"
    database_owner: str | None = None
    workers: int = 1
    master_key_file: Path | None = None
    tls: str = "proxy"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    acme_directory: str | None = None
    acme_contact: str | None = None
    proxies: tuple[str, ...] = ()
    listen_socket: Path | None = None
    host: tuple[str, ...] = ()
    port: int | None = None
    administrator: AdministratorAnswers | None = None
    client: ClientAnswers | None = None

    def __repr__(self) -> str:
        return "Answers()"


class Unusable(click.ClickException):
    """The answers cannot be used: nothing was done."""

    exit_code = 2


Kind = Literal["web", "spa", "native", "service"]


def read_answers(path: Path) -> Answers:
    """The answers in a TOML file. Raises Unusable, which never quotes a value."""
    text = read_private_text(path)
    try:
        answers = msgspec.convert(tomllib.loads(text), Answers, strict=True, dec_hook=_path)
    except tomllib.TOMLDecodeError:
        raise Unusable(f"{path}: is not TOML: texts stand in quotes, and [tables] come last") from None
    except msgspec.ValidationError as error:
        raise Unusable(f"{path}: {_said(str(error))}") from None
    kind = answers.client.type if answers.client else "web"
    if kind not in PRESETS:
        raise Unusable(f"{path}: client.type: must be one of {', '.join(PRESETS)}")
    return answers


def read_password(path: Path) -> str:
    """The password in the first line of a file."""
    lines = read_private_text(path).splitlines()
    if not lines or not lines[0]:
        raise Unusable(f"{path}: the first line must be the password, and is empty")
    return lines[0]


def read_private_text(path: Path) -> str:
    """The text of a file that only its owner and group can read, because it may hold passwords (A306)."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:  # of what is read, whatever has that name now
                raise Unusable(
                    f"{path}: everybody on this machine can read it, and it may hold secrets: chmod 600"
                )
            return file.read(1 << 20).decode()
    except OSError as error:
        raise Unusable(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unusable(f"{path}: is not UTF-8 text: save it as UTF-8") from None


def _said(message: str) -> str:
    """Which answer is wrong, and how it must be."""
    for form, meaning in _SAID:
        if found := form.fullmatch(message):
            names = (found["at"], found.groupdict().get("name"))
            return f"{'.'.join(filter(None, names))}: {meaning}"
    return message


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError
