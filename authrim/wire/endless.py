"""Answers that have no end of their own: a server that stops ends them at once, and waits only for the others (F33)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web


class EndlessAnswers:
    """The endless answers of an application. ``over``: the server stops, and each has to end."""

    def __init__(self) -> None:
        self.over = False
        self._waiting: set[asyncio.Event] = set()

    @contextmanager
    def wakes(self, answer: asyncio.Event) -> Iterator[None]:
        """Set ``answer`` when the server stops."""
        self._waiting.add(answer)
        try:
            yield
        finally:
            self._waiting.discard(answer)

    def end(self) -> None:
        """The server stops."""
        self.over = True
        for answer in self._waiting:
            answer.set()


ENDLESS: Final = web.AppKey("endless", EndlessAnswers)
