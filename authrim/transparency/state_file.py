"""The memory outside the database: a file with the newest checkpoint that was signed (F35, A231).

Whoever restores an older database cannot restore this file with it, unless they mean to.
"""

import os
from pathlib import Path


class StateUnusable(Exception):
    """The file cannot be read or written, or is not a checkpoint that a key of this log signed."""


def read_state(path: Path) -> str | None:
    """The note in the file, None when there is no file yet. Raises StateUnusable."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StateUnusable(f"checkpoint_state_file: {path} cannot be read: {type(error).__name__}") from None


def write_state(path: Path, note: str) -> None:
    """Replace the file at once, so that it is never half written. Raises StateUnusable."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise StateUnusable(f"checkpoint_state_file: {path} cannot be written: {error.strerror}") from None
