"""A new file that gets its name when it is complete."""

import os
from pathlib import Path
from typing import BinaryIO, Self


class FileUnusable(Exception):
    """The file cannot be made."""


class NewFile:
    """A file that only its owner may read. It gets its name when it is complete; until then it can vanish."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._partial = partial_of(out)
        try:
            handle = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise FileUnusable(f"{self._partial} cannot be made: {error.strerror}.") from None
        self.file: BinaryIO = os.fdopen(handle, "wb")

    def __enter__(self) -> Self:
        return self

    def complete(self) -> None:
        """Give the file its name."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self._partial.rename(self._out)

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self._partial.unlink(missing_ok=True)


def partial_of(out: Path) -> Path:
    """What a file or folder is called until it is complete."""
    return out.with_name(f"{out.name}.partial")
