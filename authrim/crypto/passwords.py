"""Password hashes: argon2id in a bounded pool of threads, never on the event loop (F25, A222).

A hash takes some 20 ms of a core, so the pool is small, and so is the number of those who wait for it: beyond
it the caller is refused at once rather than everybody served late. Strangers hold three quarters of the places at most,
and those of one source a half: a flood of guesses leaves room for people whose browser is known (A183).
"""

import asyncio
import os
import threading
import unicodedata
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Final, NamedTuple, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from authrim.memory.free_memory import give_back
from authrim.metrics import catalogue as metrics
from domain.vocabulary.text import LONGEST_PASSWORD, normalized

T = TypeVar("T")


class PasswordCost(NamedTuple):
    """The cost of one hash. The default is OWASP's first choice for argon2id: 19 MiB, two passes, one lane."""

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


DEFAULT_COST: Final = PasswordCost()

#: Seconds without a check after which the memory of the checks is given back.
_IDLE: Final = 10.0


class PasswordsBusy(Exception):
    """Too many password checks are waiting: 503 with ``Retry-After``. Nothing was checked."""

    def __init__(self) -> None:
        super().__init__("too many passwords wait to be checked")


class Passwords:
    """Hashes and verifies in ``threads`` threads, with at most ``waiting`` callers in line. ``source`` is the stranger
    who asks; without it, somebody who is known."""

    def __init__(
        self,
        threads: int = 2,
        waiting: int = 64,
        cost: PasswordCost = DEFAULT_COST,
        idle: float = _IDLE,
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes,
            hash_len=32, salt_len=16, type=Type.ID,
        )  # fmt: skip
        self._hash_of_nothing = _hash_of_nothing(cost)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._places = threads + waiting
        self._held: Counter[str | None] = Counter()
        self._lock = threading.Lock()
        self._idle = idle
        self._giving_back: asyncio.TimerHandle | None = None

    async def hash(self, password: str, source: str | None = None) -> str:
        """The argon2id hash of a password, with its parameters and salt. Raises PasswordsBusy, TextTooLong."""
        return await self._run(lambda: self._hasher.hash(_normalized(password)), source)

    async def verify(self, password_hash: str, password: str, source: str | None = None) -> bool:
        """Whether the password matches the hash. Raises PasswordsBusy."""
        return await self._run(lambda: _verify(self._hasher, password_hash, password), source)

    async def verify_dummy(self, password: str, source: str | None = None) -> None:
        """The work of ``verify`` where there is no account, so that time tells nothing (A182).

        Raises PasswordsBusy.
        """
        await self._run(lambda: _verify(self._hasher, self._hash_of_nothing, password), source)

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than the current ones."""
        try:
            return self._hasher.check_needs_rehash(password_hash)
        except InvalidHashError:
            return True

    def measure(self) -> None:
        """Set the gauges of the pool."""
        metrics.PASSWORDS_HELD.set(self._held.total())
        metrics.PASSWORDS_MOST.set(self._places)

    def close(self) -> None:
        """Finish the running checks and drop the waiting ones."""
        self._keep_memory()
        self._pool.shutdown(cancel_futures=True)

    async def _run(self, work: Callable[[], T], source: str | None) -> T:
        with self._lock:
            if not self._has_room(source):
                metrics.PASSWORDS_BUSY.add()
                raise PasswordsBusy
            self._held[source] += 1
        self._keep_memory()
        future = self._pool.submit(work)
        # The work gives the place back, not the caller: one that went away makes no room while its hash runs.
        future.add_done_callback(lambda _: self._give_back(source))
        began = perf_counter()
        result = await asyncio.wrap_future(future)
        metrics.PASSWORD_SECONDS.observe(perf_counter() - began)
        self._keep_memory()
        loop = asyncio.get_running_loop()
        # Not in the pool: the last check may end when that is closed.
        self._giving_back = loop.call_later(self._idle, loop.run_in_executor, None, give_back)
        return result

    def _keep_memory(self) -> None:
        if self._giving_back is not None:
            self._giving_back.cancel()

    def _has_room(self, source: str | None) -> bool:
        held = self._held.total()
        if source is None or held >= self._places:
            return held < self._places
        strangers = held - self._held[None]
        return strangers < max(1, self._places * 3 // 4) and self._held[source] < max(1, self._places // 2)

    def _give_back(self, source: str | None) -> None:
        with self._lock:
            self._held[source] -= 1
            if not self._held[source]:
                del self._held[source]


def _verify(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
    if len(password) > LONGEST_PASSWORD:
        return False  # nobody has such a one, so there is nothing to hide in the time it takes
    try:
        return hasher.verify(password_hash, _normalized(password))
    except (VerificationError, InvalidHashError):
        return False


def _normalized(password: str) -> bytes:
    """One spelling for all keyboards: NFC, and every space as the plain one (RFC 8265 §4.2.2)."""
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in password)
    return normalized("NFC", spaced, LONGEST_PASSWORD).encode("utf-8", "surrogatepass")


def _hash_of_nothing(cost: PasswordCost) -> str:
    """A hash of these parameters that no password has."""
    parameters = f"m={cost.memory_kib},t={cost.passes},p={cost.lanes}"
    salt, output = (b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19${parameters}${salt}${output}"
