"""Control groups whose memory ends: whoever is put into one and wants more is killed by the kernel. Only root may."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


class MemoryGroup:
    """A group with so much memory for what its processes ask for from now on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, pid: int) -> None:
        """Put a process into it."""
        (self._folder / "cgroup.procs").write_text(str(pid))


@contextmanager
def memory_group(kilobytes: int) -> Iterator[MemoryGroup]:
    """Make one, under either version of control groups. Raises OSError where that is not allowed."""
    first_version = (_ROOT / "memory").is_dir()
    folder = (_ROOT / "memory" if first_version else _ROOT) / f"authrim-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        limit = folder / ("memory.limit_in_bytes" if first_version else "memory.max")
        limit.write_text(str(kilobytes * 1024))
        yield MemoryGroup(folder)
    finally:
        folder.rmdir()


def can_make_groups() -> bool:
    """Whether a group can be made here."""
    try:
        with memory_group(1024):
            return True
    except OSError:
        return False
