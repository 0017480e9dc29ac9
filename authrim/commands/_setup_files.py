"""The files that ``authrim setup`` makes: whole or not at all, never over one that is there, readable by one user."""

import json
import os
import secrets
import textwrap
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from authrim.commands._setup_answers import Unusable
from authrim.commands._setup_user import User
from authrim.settings import Settings

_HEADING: Final = """\
# The settings of Authrim, written by `authrim setup`. Edit them as you like: setup never changes a file that is
# there. docs/settings.md explains every setting. `systemctl restart authrim` puts a change into effect.
"""
_WIDTH: Final = 110
#: In this file there may be the password of a database; in the other one there is the key to everything sealed.
SETTINGS_MODE: Final = 0o600
KEY_MODE: Final = 0o400


def settings_text(fields: Mapping[str, Any]) -> str:
    """The settings as TOML, each below what it means."""
    parts = [_HEADING]
    for name, value in fields.items():
        meaning = " ".join((Settings.model_fields[name].description or "").split())
        comment = textwrap.fill(
            meaning, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False
        )
        parts.append(f"{comment}\n{name} = {_toml(value)}\n")
    text = "\n".join(parts)
    try:
        whole = tomllib.loads(text) == dict(fields)
    except tomllib.TOMLDecodeError:
        whole = False
    if not whole:
        raise Unusable("an answer has a character that a settings file cannot hold")
    return text


def make_master_key() -> str:
    """A new master key, a line of its file."""
    return secrets.token_urlsafe(32) + "\n"


def make_folder(folder: Path, user: User | None, *, of_user: bool = False) -> None:
    """A folder that nobody else can look into: for the settings, which the user's group may pass through, or for the
    user's own data. One that is there stays as it is."""
    if folder.is_dir():
        return
    try:
        folder.mkdir(parents=True, mode=0o755)
        folder.chmod(0o700 if of_user else 0o750)
        if user is not None:
            os.chown(folder, user.pw_uid if of_user else 0, user.pw_gid)
    except OSError as error:
        raise Unusable(f"{folder}: cannot be made: {error.strerror}") from None


def make_file(path: Path, text: str, mode: int, user: User | None) -> None:
    """Write a new file, which is there whole or not at all, with its mode and owner from the beginning.

    A file or a link of that name is never written to (A306): Unusable.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                if user is not None:
                    os.fchown(file.fileno(), user.pw_uid, user.pw_gid)
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise Unusable(f"{path}: cannot be written: {error.strerror}") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
