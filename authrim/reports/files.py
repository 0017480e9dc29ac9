"""The files of a report: their names, their digests, and how they get into a new folder."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from authrim.audit.bundle.new_file import partial_of

REPORT: Final = "report.json"
CHECKPOINT: Final = "checkpoint"
PROOF: Final = "proof.json"
TABLES: Final = "tables"
FORMAT: Final = "authrim-report/1"
#: What a file of a report may be called; nothing else leads out of its folder, or hides in it.
NAME: Final = re.compile(r"((tables|positions)/)?[a-z0-9][a-z0-9_.-]*\.(csv|txt|html|pdf|svg|json)")
_PIECE: Final = 1 << 20


class FileEntry(msgspec.Struct, frozen=True):
    """A file of a report, as the report tells it."""

    name: str
    size: int
    sha256: str


class FolderUnusable(Exception):
    """The folder cannot be made."""


def document(value: Any) -> bytes:
    """A JSON document of a report, in the one form that the verification accepts."""
    return (json.dumps(msgspec.to_builtins(value), indent=1) + "\n").encode()


def entry_of(folder: Path, name: str) -> FileEntry:
    """Size and digest of a file. Raises OSError."""
    digest, size = sha256(), 0
    with (folder / name).open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return FileEntry(name, size, digest.hexdigest())


def names_in(folder: Path) -> list[str]:
    """All files below a folder, by their path in it; a link to a folder is one of them. Raises OSError."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )


@contextmanager
def new_folder(out: Path, what: str = "a report") -> Iterator[Path]:
    """A folder that only its owner may read. It gets its name when it is complete; until then it can vanish."""
    partial = partial_of(out)
    try:
        if out.exists():
            raise FolderUnusable(f"{out} is there already: {what} never replaces anything.")
        partial.mkdir(mode=0o700)
    except OSError as error:
        raise FolderUnusable(f"{partial} cannot be made: {error.strerror}.") from None
    try:
        yield partial
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
