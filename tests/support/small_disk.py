"""A small file system of its own that a test fills and empties. Only root can mount one."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


class SmallDisk:
    """A file system at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """Take all the room that there is."""
        file = os.open(self._filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for size in (1 << 16, 1 << 12):
            with suppress(OSError):
                while True:
                    os.write(file, bytes(size))
        os.close(file)

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount one at ``path``, where everybody may write. Raises PermissionError where that is not allowed."""
    path.mkdir()
    options = f"size={megabytes}m,mode=1777"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        raise PermissionError("no file system can be mounted here; root can")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@contextmanager
def small_disk_if_possible(megabytes: int) -> Iterator[SmallDisk | None]:
    """One in a folder of its own that everybody may look into; None where that is not allowed."""
    with tempfile.TemporaryDirectory(prefix="authrim-disk-", dir="/tmp") as name, ExitStack() as stack:
        Path(name).chmod(0o755)
        disk = None
        with suppress(PermissionError):
            disk = stack.enter_context(small_disk(Path(name) / "disk", megabytes))
        yield disk
