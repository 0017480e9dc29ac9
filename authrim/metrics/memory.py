"""The memory that the processes of a server share for what they have counted.

Each process has a part of its own, made by the process that starts them all and inherited as an open file that has no
name: nothing is left behind on a disk, however a process ends. A process writes into its own part alone, in turn into
one half and the other. So a half that was being written when somebody read it, or when the writer was killed, is
noticed by its checksum, and the other half is whole.
"""

import os
import zlib
from collections.abc import Mapping
from struct import Struct
from typing import Final

import msgspec

from authrim.metrics.snapshot import Snapshot

#: The number of the writing, the length of what follows, and its checksum.
_HEAD: Final = Struct("<QII")
#: Where the second half begins; pages that nobody writes take no memory.
_HALF: Final = 16 * 1024 * 1024

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Snapshot).decode


class SharedPart:
    """The part of one process. ``descriptor`` is inherited; ``process`` is the name of the process."""

    def __init__(self, process: str, descriptor: int) -> None:
        self.process = process
        self.descriptor = descriptor
        self._number = 0

    @classmethod
    def make(cls, process: str) -> "SharedPart":
        """A new one, for a process that has counted nothing."""
        return cls(process, os.memfd_create(f"authrim metrics {process}"))

    def write(self, snapshot: Snapshot) -> None:
        """Replace the older of the two halves. What is too long for one is not written."""
        body = _encode(snapshot)
        if len(body) > _HALF - _HEAD.size:
            return
        self._number += 1
        head = _HEAD.pack(self._number, len(body), zlib.crc32(body))
        os.pwrite(self.descriptor, head + body, (self._number % 2) * _HALF)

    def read(self) -> Snapshot | None:
        """What was written last, None when nothing was. Whoever writes on goes on with the next number."""
        halves = [one for one in (self._half(0), self._half(_HALF)) if one is not None]
        if not halves:
            return None
        self._number, body = max(halves)
        return _decode(body)

    def _half(self, offset: int) -> tuple[int, bytes] | None:
        head = os.pread(self.descriptor, _HEAD.size, offset)
        if len(head) < _HEAD.size:
            return None
        number, length, checksum = _HEAD.unpack(head)
        body = os.pread(self.descriptor, length, offset + _HEAD.size)
        return (number, body) if number and zlib.crc32(body) == checksum else None


class SharedMemory:
    """The parts of all processes of a server, by their names."""

    def __init__(self, parts: Mapping[str, SharedPart]) -> None:
        self._parts = dict(parts)

    @classmethod
    def make(cls, processes: tuple[str, ...]) -> "SharedMemory":
        """New parts for processes that are about to start."""
        return cls({process: SharedPart.make(process) for process in processes})

    @classmethod
    def of_option(cls, text: str) -> "SharedMemory":
        """The parts as ``option`` wrote them for a child."""
        pairs = (one.rpartition("=") for one in text.split(","))
        return cls({process: SharedPart(process, int(number)) for process, _, number in pairs})

    def option(self) -> str:
        """The parts as the command line of a child names them: they have the same numbers there."""
        return ",".join(f"{process}={part.descriptor}" for process, part in self._parts.items())

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a child has to inherit."""
        return tuple(part.descriptor for part in self._parts.values())

    def part(self, process: str) -> SharedPart:
        """The part of one process."""
        return self._parts[process]

    def read(self) -> list[Snapshot]:
        """What each process wrote last. A part of another process is only read."""
        found = (SharedPart(process, part.descriptor).read() for process, part in self._parts.items())
        return [one for one in found if one is not None]
