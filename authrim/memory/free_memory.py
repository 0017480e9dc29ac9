"""Memory that is free, given back to the system.

glibc keeps what was large once, such as the 19 MiB of each thread that hashes passwords: to take it from the system
again costs half of a hash. It is given back when nobody has needed it for a while.
"""

from collections.abc import Callable
from typing import Final

#: Limits the number of heaps (mallopt(3)).
_M_ARENA_MAX: Final = -8


def keep_one_heap() -> None:
    """Let all threads use one heap. Otherwise each has its own, and of those nothing is given back. To be called before
    there are threads."""
    _c_library("mallopt")(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Give back what is free in the heap, which takes some milliseconds."""
    _c_library("malloc_trim")(0)


def _c_library(name: str) -> Callable[..., object]:
    """A function of glibc. Other libraries have none of that name, and other ways."""
    import ctypes

    return getattr(ctypes.CDLL(None), name, lambda *_arguments: None)
