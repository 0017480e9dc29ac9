"""What takes long to make: made once per process, and used again.

A SQLite file with the schema takes 70 ms of processor time, and so does an RSA key on average. Both come from the code
that makes them for an installation. The least that a server may be told to spend on a password takes 8 ms, and as much
again to renew the hash of an account that was made for less.
"""

import itertools
import tempfile
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from authrim.crypto import key_pair
from authrim.crypto.algorithms import PrivateKey
from authrim.crypto.passwords import PasswordCost, Passwords
from authrim.server import wiring
from authrim.settings import Settings
from authrim.store.sqlite.schema import migrate_sqlite

#: The cheapest that argon2id takes: tests prove what is done with passwords, not what they cost.
CHEAP = PasswordCost(memory_kib=8, passes=1, lanes=1)
#: The least that a server takes, in KiB.
LEAST_MEMORY = 8192
#: How many RSA keys are made before the first is given again: more than the servers of one test ask for.
_RSA_KEYS = 32


def new_sqlite_file(path: Path) -> Path:
    """An empty store with the schema at ``path``, as ``authrim migrate`` leaves it."""
    path.touch(mode=0o600)
    path.write_bytes(_empty_store())
    return path


@cache
def _empty_store() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "authrim.db"
        migrate_sqlite(file)
        assert [file] == list(Path(folder).iterdir()), (
            "all of it is in the file, and nothing in a log beside it"
        )
        return file.read_bytes()


class CheapPasswords:
    """Takes the place of what makes a server's password hashes: whoever asks for the least cost gets less. Where one
    thread makes them, they take as long as it is written: tests of a full queue wait for them."""

    def __init__(self) -> None:
        self._make = wiring._passwords

    def __call__(self, settings: Settings) -> Passwords:
        if settings.argon2_memory > LEAST_MEMORY or settings.password_workers == 1:
            return self._make(settings)
        return Passwords(settings.password_workers, settings.password_queue_limit, CHEAP)


class ReadyKeys:
    """Takes the place of what makes a private key: RSA keys come from a ring."""

    def __init__(self) -> None:
        self._make = key_pair._generate
        self._ring = self._keys()
        self._turn = threading.Lock()

    def __call__(self, alg: str) -> PrivateKey:
        if alg not in ("RS256", "PS256", "RSA-OAEP-256"):
            return self._make(alg)
        with self._turn:
            return next(self._ring)

    def _keys(self) -> Iterator[PrivateKey]:
        made = []
        for _ in range(_RSA_KEYS):
            made.append(self._make("RS256"))
            yield made[-1]
        yield from itertools.cycle(made)
