"""Writes the archive of a bundle: a tar file in which the same contents always give the same bytes.

It is not compressed, so it needs no version of a compressor to be the same, and cannot swell when it is read. The form
of a header is defined by ``verify_bundle.py``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, BinaryIO

from authrim.audit.bundle.verify_bundle import BLOCK, tar_header


class Writing:
    """A file of the archive while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = sha256()
        self.size = 0

    def write(self, content: bytes) -> None:
        """Add to the contents."""
        self._file.write(content)
        self._digest.update(content)
        self.size += len(content)

    @property
    def sha256(self) -> str:
        """The digest of what was written, in hexadecimal."""
        return self._digest.hexdigest()


class Archive:
    """An archive that is written to a file, one file of it after the other. ``entries`` is for the manifest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.entries: list[dict[str, Any]] = []

    @contextmanager
    def member(self, name: str) -> Iterator[Writing]:
        """Begin a file. Its size is known at its end, where its header is completed."""
        start = self._file.tell()
        self._file.write(bytes(BLOCK))
        writing = Writing(self._file)
        yield writing
        self._file.write(bytes(-writing.size % BLOCK))
        end = self._file.tell()
        self._file.seek(start)
        self._file.write(tar_header(name, writing.size))
        self._file.seek(end)
        self.entries.append({"name": name, "size": writing.size, "sha256": writing.sha256})

    def add(self, name: str, content: bytes) -> str:
        """A file as a whole; its digest."""
        with self.member(name) as writing:
            writing.write(content)
        return writing.sha256

    def end(self) -> None:
        """What comes after the last file."""
        self._file.write(bytes(2 * BLOCK))
