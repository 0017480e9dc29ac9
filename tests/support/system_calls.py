"""Programs whose system calls fail as the test wants, or are written down: strace between them and the kernel."""

import os
import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

#: A sector, the least that a disk writes whole, in bytes.
_SECTOR: Final = 512
_CALL: Final = re.compile(r"^\d+ +(\w+)\(\d+<([^>]*)>(?:, )?(.*)$")
_RESUMED: Final = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>")
_DATA: Final = re.compile(r'^"((?:\\x[0-9a-f]{2})*)", (\d+)(?:, (\d+))?')


class Call(NamedTuple):
    """A call that changed or kept a file: ``pwrite64`` with data and offset, ``ftruncate`` with a length as its offset,
    ``fdatasync`` and ``fsync``, and ``write`` of what the program told."""

    name: str
    file: str
    data: bytes = b""
    offset: int = 0


def can_trace() -> bool:
    """Whether strace may look at other processes here."""
    works = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    return works.returncode == 0


def failing_from_now_on(calls: str, error: str, when: str, pid: int) -> list[str]:
    """The command that does the same to a process that runs, until it is ended itself."""
    return [*_options(calls, error, when), "-p", str(pid)]


def _options(calls: str, error: str, when: str) -> list[str]:
    injected = f"inject={calls}:error={error}:when={when}"
    return ["strace", "-f", "-q", "-o", os.devnull, "-e", f"trace={calls}", "-e", injected]


def failing(calls: str, error: str, when: str, command: Sequence[str]) -> list[str]:
    """The command, of whose ``calls`` some fail with ``error``: ``when`` as strace has it, ``9+4`` is each fourth from
    the ninth on."""
    return [*_options(calls, error, when), *command]


def written_down(record: Path, command: Sequence[str]) -> list[str]:
    """The command, whose calls come into the file ``record``."""
    calls = "pwrite64,fdatasync,fsync,ftruncate,write"
    options = ["-f", "-o", str(record), "-y", "-xx", "-s", "1000000", "-e", f"trace={calls}"]
    return ["strace", *options, *command]


def calls_in(record: Path) -> Iterator[Call]:
    """The calls in their order: a write when it begins, a sync when it is done."""
    begun: dict[str, Call] = {}
    for line in record.read_text().splitlines():
        if resumed := _RESUMED.match(line):
            if (call := begun.pop(resumed[1], None)) is not None:
                yield call
            continue
        found = _CALL.match(line)
        if found is None:
            continue
        call = _call(found[1], _plain(found[2]), found[3])
        if call.name in ("fdatasync", "fsync") and line.endswith("<unfinished ...>"):
            begun[line.split()[0]] = call
        else:
            yield call


def _call(name: str, file: str, rest: str) -> Call:
    if name == "ftruncate":
        return Call(name, file, offset=int(re.match(r"\d+", rest)[0]))  # type: ignore[index]
    data = _DATA.match(rest)
    if data is None:
        return Call(name, file)
    return Call(name, file, bytes.fromhex(data[1].replace("\\x", "")), int(data[3] or 0))


def _plain(path: str) -> str:
    """A path whose bytes strace has written as numbers."""
    return bytes.fromhex(path.replace("\\x", "")).decode() if path.startswith("\\x") else path


def after_power_cut(calls: Sequence[Call], before: bytes, chance: random.Random) -> bytes:
    """What is on the disk of one file, to which these calls were made when the power went: all before its last sync,
    and of what came later what the disk happened to have written, sector by sector."""
    synced = max((n for n, call in enumerate(calls) if call.name in ("fdatasync", "fsync")), default=-1)
    content = bytearray(before)
    for number, call in enumerate(calls):
        if call.name == "ftruncate":
            if number < synced or chance.random() < 0.5:
                _resize(content, call.offset)
        elif call.name == "pwrite64":
            for start in range(0, len(call.data), _SECTOR):
                if number < synced or chance.random() < 0.5:
                    _write(content, call.offset + start, call.data[start : start + _SECTOR])
    return bytes(content)


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _write(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data
