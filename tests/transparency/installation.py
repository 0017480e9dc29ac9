"""An installation with a log, as the tests of transparency use it: its server, its commands, its database."""

from collections.abc import Mapping
from pathlib import Path

from tests.store.log_samples import behind_its_back
from tests.support.command_line import CommandLine
from tests.support.running import MASTER_KEY

ISSUER = "https://login.example.com"
NAME = "login.example.com/transparency"


def command_line(store_place: Path | str, **settings: str) -> CommandLine:
    """The commands of an installation."""
    values: Mapping[str, str] = {
        "ISSUER": ISSUER, "DATABASE": str(store_place), "MASTER_KEYS": MASTER_KEY, **settings
    }  # fmt: skip
    return CommandLine({f"AUTHRIM_{name}": value for name, value in values.items()})


def alter_a_leaf(store_place: Path | str) -> None:
    """Put the first leaf in the place of the second, and leave the bytes of the tile bytes."""
    twice = "substr(hashes, 1, 32) || substr(hashes, 1, 32) || substr(hashes, 65)"
    made = f"CAST({twice} AS BLOB)" if isinstance(store_place, Path) else twice
    behind_its_back(store_place, f"UPDATE tiles SET hashes = {made} WHERE key = '0/000'")
