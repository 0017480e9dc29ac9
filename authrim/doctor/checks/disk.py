"""Room where the server writes on this machine."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem

MIB: Final = 1024 * 1024
#: Bytes below which the next minutes may fill it, and below which somebody should look.
FULL_BELOW: Final = 100 * MIB
LOW_BELOW: Final = 1024 * MIB
#: The share of the inodes below which files may be impossible to make.
_LOW_SHARE: Final = 0.01

FULL: Final = Problem(
    "disk.full",
    "fault",
    "There is nearly no room left where the server writes. Without room it answers 503.",
    "Delete what is not needed, move it, or enlarge the file system. docs/operations/growth.md says what grows.",
)
LOW: Final = Problem(
    "disk.low",
    "warning",
    "There is little room left where the server writes.",
    "Enlarge the file system before it is full. docs/operations/growth.md says what grows.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    return list(_findings(examined))


def _findings(examined: Examined) -> Iterator[Finding]:
    for name, folder in _places(examined).items():
        try:
            seen = os.statvfs(folder)
        except OSError:
            continue  # the check of the files has a word for it
        yield from judged(name, folder, seen)


def judged(name: str, folder: Path, seen: os.statvfs_result) -> Iterator[Finding]:
    """What is wrong with the room that is left in a folder. What the kernel makes up, such as /proc, has no blocks."""
    if not seen.f_blocks:
        return
    free = seen.f_bavail * seen.f_frsize
    no_files = bool(seen.f_files) and seen.f_favail < seen.f_files * _LOW_SHARE
    where = f"{name}: {folder} has {free // MIB} MiB left{', and few inodes' if no_files else ''}"
    if free < FULL_BELOW or no_files:
        yield FULL.found(where)
    elif free < LOW_BELOW:
        yield LOW.found(where)


def _places(examined: Examined) -> dict[str, Path]:
    settings = examined.settings
    places: dict[str, Path] = {}
    if settings.postgres_dsn is None:
        places["database"] = Path(settings.database.get_secret_value()).absolute().parent
    if settings.siem_file is not None:
        places["siem_file"] = settings.siem_file.absolute().parent
    if settings.report_directory is not None:
        places["report_directory"] = settings.report_directory
    if settings.checkpoint_state_file is not None:
        places["checkpoint_state_file"] = settings.checkpoint_state_file.absolute().parent
    return places


CHECK: Final = Check("disk", "Is there room where the server writes?", (FULL, LOW), _examine)
