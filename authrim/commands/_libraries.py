"""Importing libraries without what they bring along for others: a server that starts would wait for it.

Both are imported before the modules of a command, which import them in turn and find them there.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: Where OpenSSL looks for certificate authorities (SSL_CTX_set_default_verify_paths(3)).
_AUTHORITIES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def import_structlog() -> None:
    """structlog draws tracebacks with rich when that is installed. No line of ours has a traceback (A226)."""
    with _hidden("rich"):
        import structlog  # noqa: F401


def import_aiohttp() -> None:
    """aiohttp reads the authorities of the system, for clients that bring no TLS context. All of ours bring one
    (``authrim/outside/egress.py``), and one that did not would trust nobody."""
    with _without_authorities():
        import aiohttp  # noqa: F401


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    """As if the module were not installed, unless it is there already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


@contextmanager
def _without_authorities() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _AUTHORITIES}
    os.environ |= dict.fromkeys(_AUTHORITIES, os.devnull)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
