"""A command that is the first process of a container (process 1 of its PID name space)."""

import os
import signal
from typing import Any, Final

_ENDED_BY_SIGNAL: Final = 128


def end_on_sigterm_as_first_process() -> None:
    """Let SIGTERM end this command.

    The kernel drops a signal to the first process that it has no handler for (pid_namespaces(7)), where it would end
    any other process. Without a handler whoever stops the container waits, and then kills it. A server puts its own
    handler in this one's place when it is ready to finish what was begun.
    """
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: Any) -> None:
    raise SystemExit(_ENDED_BY_SIGNAL + number)
