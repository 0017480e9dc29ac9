"""The command line beside a running server, on the same store."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine
from tests.support.running import MASTER_KEY, RunningServer

Administrator = Callable[..., Awaitable[Any]]


@pytest.fixture
def command_line(store_place: Path | str) -> CommandLine:
    """``authrim`` on the server's store."""
    return CommandLine(
        {
            "AUTHRIM_ISSUER": "https://login.example.com",
            "AUTHRIM_DATABASE": str(store_place),
            "AUTHRIM_MASTER_KEYS": MASTER_KEY,
        }
    )


@pytest.fixture
def administrator(command_line: CommandLine, server: RunningServer) -> Administrator:
    """Runs a command; when it returns, the server has taken the change over."""

    async def run(*arguments: str, status: int = 0) -> Any:
        answer = await asyncio.to_thread(command_line.json, *arguments, status=status)
        await server.core.configuration.catch_up()
        return answer

    return run
