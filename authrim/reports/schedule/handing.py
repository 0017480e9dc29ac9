"""Hands evidence to a command of the operator: a program with its words, and the path as the last one. No shell."""

import asyncio
import os
from asyncio.subprocess import DEVNULL
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from authrim.reports.schedule.keeping import NotMade
from authrim.settings.reading import ENVIRONMENT_PREFIX

#: Seconds that a command may take.
PATIENCE: Final = 600.0


async def hand_over(command: Sequence[str], path: Path, patience: float = PATIENCE) -> None:
    """Run the command and wait for it. It gets none of the settings of the server, which may be secret, and what it
    prints goes nowhere: it may keep a log of its own. Raises NotMade."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)
    }
    try:
        running = await asyncio.create_subprocess_exec(
            *command,
            str(path),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError):
        raise NotMade("command_not_started") from None
    try:
        async with asyncio.timeout(patience):
            status = await running.wait()
    except TimeoutError:
        raise NotMade("command_timed_out") from None
    finally:
        if running.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, 9)
            await running.wait()
    if status:
        raise NotMade("command_failed")
