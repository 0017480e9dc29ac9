"""Runs ``authrim report`` as it is used."""

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from authrim.commands.root import main
from authrim.store.read_back import ReadBack

QUESTION = "audit.question_asked.v1"
FRAMEWORK = "log-evidence"


async def run(*arguments: object, status: int = 0) -> Result:
    """The command with these arguments ends with a status."""
    command = ["report", *(str(argument) for argument in arguments)]
    result = await asyncio.to_thread(CliRunner().invoke, main, command)
    assert result.exit_code == status, (result.output, result.exception)
    return result


async def make(out: Path, *arguments: object, status: int = 0) -> Result:
    """Make a report of every section."""
    return await run(FRAMEWORK, "--out", out, *arguments, status=status)


async def questions(store: ReadBack) -> list[dict[str, Any]]:
    """What was recorded of questions."""
    events = await store.read_log(0, 10_000)
    return [json.loads(event.payload) for event in events if event.type == QUESTION]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its name in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def files_in(folder: Path, name: str) -> list[Path]:
    """What there is under a name, complete or not."""
    return list(folder.glob(f"{name}*"))
