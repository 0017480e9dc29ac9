"""A check is a value: what it asks, what it needs, what it can find, and the function that looks."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs

Examine = Callable[[Examined], Awaitable[Sequence[Finding]]]


class Check(msgspec.Struct, frozen=True):
    """One question. ``problems`` are all that it can find. Where something that it ``needs`` is missing, it is passed
    over, and the report says why."""

    id: str
    asks: str
    problems: tuple[Problem, ...]
    examine: Examine
    needs: tuple[Needs, ...] = ()
