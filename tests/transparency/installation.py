"""An installation with a log, as the tests of transparency use it: its server, its commands, its database."""

from collections.abc import Mapping
from pathlib import Path

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
