"""A directory of archives: which bundles it has, by their names, and how one is unpacked.

The name has the month and the positions, so that nothing has to be unpacked to find an event. It proves nothing: what
is in the bundle does.
"""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, NamedTuple

from authrim.audit.archives.months import Month
from authrim.audit.bundle.verify_bundle import Bundle, Fault

SUFFIX: Final = ".tar.gz"
_NAME: Final = re.compile(r"(\d{4}-\d{2})_(\d{1,19})-(\d{1,19})\.tar\.gz")
#: Bundles of text get eight to twelve times smaller; what swells more is none (CWE-409).
_MOST_SWOLLEN: Final = 100
_PART: Final = 1 << 20


class BadArchive(Exception):
    """A bundle of the directory cannot be read, or is not what it should be; the text names the file."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path.name}: {what}")


class Archived(NamedTuple):
    """A bundle of a directory, as its name tells."""

    path: Path
    month: Month


def name_of(month: Month) -> str:
    """The name of the file of a month."""
    return f"{month.name}_{month.first}-{month.last}{SUFFIX}"


def archives_in(folder: Path) -> Sequence[Archived]:
    """The bundles of a directory, in the order of their positions. Other files are none of ours. Raises BadArchive when
    two have the same position."""
    found = []
    for path in folder.iterdir():
        named = _NAME.fullmatch(path.name)
        if named is not None:
            found.append(Archived(path, Month(named[1], int(named[2]), int(named[3]))))
    found.sort(key=lambda one: one.month.first)
    for one, following in pairwise(found):
        if following.month.first <= one.month.last:
            raise BadArchive(following.path, f"{one.path.name} has some of its positions, too")
    return found


@contextmanager
def unpacked(archived: Archived) -> Iterator[Path]:
    """The bundle as ``verify_bundle.py`` reads it, in a file that is gone afterwards. Raises BadArchive."""
    most = archived.path.stat().st_size * _MOST_SWOLLEN
    with NamedTemporaryFile(prefix="authrim-archive-") as whole:
        try:
            with gzip.open(archived.path, "rb") as packed:
                while part := packed.read(_PART):
                    most -= len(part)
                    if most < 0:
                        raise BadArchive(archived.path, "it swells to more than any bundle")
                    whole.write(part)
        except (OSError, EOFError, zlib.error):
            raise BadArchive(archived.path, "it is damaged, or cut off") from None
        whole.flush()
        yield Path(whole.name)


def bundle_of(archived: Archived, path: Path) -> Bundle:
    """The unpacked bundle. Raises BadArchive when it is none, or has other positions than its name says."""
    try:
        bundle = Bundle(path)
        of_bundle = (bundle.manifest["first_position"], bundle.manifest["last_position"])
        kind = bundle.manifest["selection"]["kind"]
    except (Fault, KeyError, TypeError) as error:
        raise BadArchive(archived.path, f"it is no bundle ({error})") from None
    if kind != "range" or of_bundle != (archived.month.first, archived.month.last):
        raise BadArchive(archived.path, "its name tells other positions than its manifest")
    return bundle
