"""Reads the file that declares who is responsible for people's data, and why it is processed."""

import tomllib
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from domain.person.processing import NOT_DECLARED, Processing

_LARGEST: Final = 1 << 20


class BadDeclaration(Exception):
    """The file cannot be used. The text says which key is wrong, and how."""


def read_processing(file: Path | None) -> Processing:
    """The declaration; an empty one when there is no file. Raises BadDeclaration."""
    if file is None:
        return NOT_DECLARED
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise BadDeclaration(f"{file}: the file is larger than {_LARGEST} bytes")
        read = msgspec.convert(tomllib.loads(content.decode()), Processing)
    except OSError as error:
        raise BadDeclaration(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as wrong:
        raise BadDeclaration(f"{file}: {wrong}") from None
    doubled = [name for name, count in Counter(one.id for one in read.purpose).items() if count > 1]
    if doubled:
        raise BadDeclaration(f"{file}: two purposes have the id {doubled[0]}")
    return read
