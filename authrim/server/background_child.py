"""The process of the background work, as the process that starts it sees it."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from authrim.server.child import Child, Watch, own_command, stop_all
from authrim.server.metrics import Inherited

#: Seconds between two looks at whether it lives.
_LOOK_SECONDS: Final = 1.0


class BackgroundCommand(NamedTuple):
    """How the process is started. ``environment``: settings that the command line of the server changed. ``metrics``:
    what it counts into."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    metrics: Inherited = Inherited()

    def start(self, lifeline: int) -> Child:
        """Start the process, which ends with the pipe ``lifeline``."""
        arguments = [*self.arguments, "--worker-lifeline", str(lifeline), *self.metrics.arguments]
        files = [lifeline, *self.metrics.files]
        return Child("background", own_command(arguments), files, self.environment)


class KeptBackground:
    """The process, as a server keeps it that has no supervisor."""

    def __init__(self, command: BackgroundCommand) -> None:
        self._command = command
        self._child: Child | None = None

    async def keep(self) -> None:
        """Keep the process alive until cancelled, and end it then. It ends with this process too, however that
        ends."""
        lifeline, held = os.pipe()
        child = self._child = self._command.start(lifeline)
        try:
            watch = Watch([child])
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                watch.look()
        finally:
            self._child = None
            await asyncio.to_thread(stop_all, [child])
            os.close(lifeline)
            os.close(held)

    def reload(self) -> None:
        """Tell it to read again what can be read again."""
        if self._child is not None:
            self._child.reload()
