"""Memory that a server needed for a while."""

import asyncio
import subprocess
import sys
from typing import Any

from authrim.crypto.passwords import Passwords
from tests.support.patience import PATIENCE

_HASH = """
import asyncio, mmap, sys
from pathlib import Path
from authrim.crypto.passwords import Passwords
from authrim.memory.free_memory import keep_one_heap

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE / 2**20

async def main():
    keep_one_heap()
    passwords = Passwords(threads=1, idle=0.2)
    for _ in range(3):  # glibc keeps memory of a size that was freed before, but not twice as much
        await passwords.hash("correct horse")
    used = resident()
    async with asyncio.timeout(float(sys.argv[1])):
        while resident() > used - 15:
            await asyncio.sleep(0.05)
    passwords.close()

asyncio.run(main())
"""


def test_idle_threads_give_their_memory_back() -> None:
    """When nobody signs in, the 19 MiB that a password was hashed with are the system's again."""
    subprocess.run([sys.executable, "-c", _HASH, str(PATIENCE)], check=True, timeout=2 * PATIENCE)


async def test_a_check_that_ends_after_the_close_frees_its_memory_too() -> None:
    """A server that stops waits for the check under way; nothing fails when its memory is given back afterwards."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    passwords = Passwords(threads=1, idle=0.01)
    hashing = asyncio.create_task(passwords.hash("correct horse"))
    await asyncio.sleep(0)  # it is handed to the thread
    passwords.close()
    assert (await hashing).startswith("$argon2id$")
    await asyncio.sleep(0.1)
    assert not told
