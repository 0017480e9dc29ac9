"""What a feature is: its name, specification, status, routes, metadata and grant types."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec
from aiohttp import web

from authrim.core.parts import Core
from authrim.settings import Settings
from authrim.web.overload import Urgency

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Metadata = Callable[[Core], dict[str, Any]]

STABLE = "stable"


class Route(msgspec.Struct, frozen=True):
    """One method of one path. ``at_root``: the path is not below the issuer's own path but before it
    (RFC 8414 §3.1), and ``behind`` comes after (RFC 9728 §3.1). ``head``: HEAD is answered as GET is, without the body
    (RFC 9110 §9.3.2); not where a GET begins something. ``scripts``: scripts in browsers may call the path, so its
    preflights are answered and its errors are for every origin to read (Fetch §3.2, A198). ``both_forms``: where the
    issuer has a path, the address is there before it and behind it, as clients of either specification ask.
    ``hidden``: who may not use the path is answered as at an address where nothing is, and so is every other method."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handler: Handler
    name: str
    at_root: bool = False
    behind: str = ""
    head: bool = False
    scripts: bool = False
    both_forms: bool = False
    hidden: bool = False


class Feature(msgspec.Struct, frozen=True):
    """A feature, as it is documented for users.

    ``status``: ``stable``, or ``draft`` with the draft's number; a draft is off until ``features_on`` names it.
    ``optional``: ``features_off`` may name it. ``possible``: whether the settings give it what it needs; it is off
    otherwise. ``urgency``: what its routes give way to when a process has more to do than it can. Which files carry it
    and which tests prove it is in ``docs/specs.toml``.
    """

    name: str
    specification: str
    routes: tuple[Route, ...] = ()
    metadata: Metadata = lambda _core: {}
    grant_types: tuple[str, ...] = ()
    status: str = STABLE
    optional: bool = False
    possible: Callable[[Settings], bool] = lambda _settings: True
    urgency: Urgency = Urgency.SIGN_IN

    @property
    def is_draft(self) -> bool:
        """Whether it may still change incompatibly."""
        return self.status != STABLE
