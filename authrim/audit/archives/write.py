"""Writes the bundles of closed months into a directory. A file that is there is never replaced."""

import asyncio
import gzip
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import BinaryIO, Final, NamedTuple

from authrim.audit.archives.folder import Archived, BadArchive, archives_in, name_of
from authrim.audit.archives.months import Month
from authrim.audit.bundle.export import Progress, Wanted, export_range
from authrim.store.read_back import ReadBack

_LEVEL: Final = 6


class Written(NamedTuple):
    """What became of a month: whether its file is new, and its size in bytes."""

    month: Month
    file: str
    is_new: bool
    size: int


async def write_months(
    store: ReadBack, folder: Path, months: Sequence[Month], wanted: Wanted, progress: Progress
) -> AsyncIterator[Written]:
    """Write the bundles that a directory lacks, month by month. Raises Damaged, BadArchive, Unavailable and OSError."""
    known = await asyncio.to_thread(_known_in, folder)
    for month in months:
        archived = known.get(month.first)
        if archived is not None and archived.month != month:
            raise BadArchive(
                archived.path, f"the log has the positions {month.first} to {month.last} of {month.name}"
            )
        out = folder / name_of(month)
        if archived is None:
            with TemporaryFile(dir=folder) as whole:
                await export_range(store, whole, month.first, month.last, wanted, progress)
                await asyncio.to_thread(_pack, whole, out)
        yield Written(month, out.name, archived is None, await asyncio.to_thread(_size_of, out))


def _known_in(folder: Path) -> dict[int, Archived]:
    """The bundles of a directory, which is made when it is not there, by their first positions."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {one.month.first: one for one in archives_in(folder)}


def _size_of(path: Path) -> int:
    return path.stat().st_size


def _pack(whole: BinaryIO, out: Path) -> None:
    """Compress a bundle into a file that only its owner may read, and that has its name when it is complete. What a run
    that was killed has left is in nobody's way."""
    whole.seek(0)
    with NamedTemporaryFile(dir=out.parent, prefix=f"{out.name}.", suffix=".partial") as file:
        # Without a name and a time, the same bundle gives the same bytes.
        with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
            shutil.copyfileobj(whole, packed, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
        os.link(file.name, out)  # fails when a file of that name is there already
