"""Loading a command with all that it imports."""

import gc
import sys
from importlib import import_module
from typing import Any, Final

from authrim.commands._libraries import import_aiohttp, import_structlog

#: The commands that are servers. The others import aiohttp where they send something.
_SERVERS: Final = {f"authrim.commands.{name}" for name in ("background", "dev", "serve")}


def loaded(module: str, name: str) -> Any:
    """``name`` of a module, which is imported if it was not yet.

    The collector of reference cycles rests meanwhile, and never looks at what the modules have made: nearly all of it
    stays as long as the process, and each full collection would walk it again (a fifth of the time of an import).
    """
    if module in sys.modules:
        return getattr(sys.modules[module], name)
    gc.disable()
    try:
        import_structlog()
        if module in _SERVERS:
            import_aiohttp()
        return getattr(import_module(module), name)
    finally:
        gc.freeze()
        gc.enable()
