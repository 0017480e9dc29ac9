"""Which of the lines about requests that succeeded are written, where there are too many to write all."""

import random
from typing import Final


class Sampling:
    """Takes one of ``one_in``, by chance: neither a client nor a rhythm of its requests decides what is written."""

    def __init__(self) -> None:
        self.one_in = 1

    def takes(self) -> bool:
        """Whether this one is written."""
        return self.one_in == 1 or random.random() * self.one_in < 1  # noqa: S311 - chance, no secret


#: The lines about requests of this process. The settings set it, at the start and at SIGHUP.
REQUEST_LINES: Final = Sampling()
