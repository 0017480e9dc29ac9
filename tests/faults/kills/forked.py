"""A process that makes servers which die where they are told to: ``python -m tests.faults.kills.forked STORE``.

It imports the server once, with the points of the path of ``STORE``, and makes each server by a fork, which takes some
tenths of a second where a start takes one or two. It reads orders from its input, and tells of each server that it has
begun or has ended, all as lines of JSON. When its input ends, it kills what is left and ends.
"""

import importlib
import json
import os
import pkgutil
import random
import select
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from tests.faults.kills import path, points

PATHS: Final = {"postgresql": path.POSTGRESQL, "sqlite": path.SQLITE}
#: Seconds before each further attempt of a webhook. The usual ones would soon be longer than a test is patient, and on
#: a busy machine a receiver that is well can seem to be away twice.
PAUSES: Final = (1,) * 100


def main() -> None:
    """Make servers until nobody wants any more."""
    points.install(PATHS[sys.argv[1]])
    _import_the_server()
    assert threading.active_count() == 1, "a fork takes one thread along"
    woken, wakes = os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    alive: set[int] = set()
    pending = b""
    while True:
        readable, _, _ = select.select([0, woken], [], [])
        if woken in readable:
            os.read(woken, 1024)
            _tell_of_ends(alive)
        if 0 in readable:
            read = os.read(0, 65536)
            *lines, pending = (pending + read).split(b"\n")
            for line in lines:
                alive.add(_begin(json.loads(line)))
            if not read:
                for pid in alive:
                    os.kill(pid, signal.SIGKILL)
                return


def _import_the_server() -> None:
    """All of it: what is imported at the first request would be imported by each server again."""
    authrim = importlib.import_module("authrim")
    for module in pkgutil.walk_packages(authrim.__path__, "authrim."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):  # what needs a library that is not installed
                importlib.import_module(module.name)


def _begin(order: Mapping[str, Any]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _serve(order)
        except SystemExit as end:
            status = int(end.code or 0)
        finally:
            os._exit(status)
    _tell({"begun": pid, "number": order["number"]})
    return pid


def _serve(order: Mapping[str, Any]) -> None:
    """Be a server, as ``authrim serve`` is one."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.environ.update(order["environment"])
    random.seed()
    if sys.argv[1] == "postgresql":
        _own_sessions(order.get("session", {}))
    importlib.import_module("authrim.webhooks.delivery").WebhookDeliveries.pauses = PAUSES
    record = order.get("record")
    failpoint = points.Failpoint(*order["failpoint"]) if "failpoint" in order else None
    points.plan(failpoint, record and Path(record))
    signal.signal(signal.SIGUSR1, lambda *_: points.arm())
    root = importlib.import_module("authrim.commands.root")
    root.main(["--config", order["config"], "serve"], prog_name="authrim")


def _own_sessions(settings: Mapping[str, str]) -> None:
    """Connections are named by the process, which makes its name at its first import. ``settings`` are theirs."""
    connections = importlib.import_module("authrim.store.postgres.connections")
    connections._process = uuid4().hex[:12]
    for name, value in settings.items():
        (connections.SESSION if name in connections.SESSION else connections.BOUNDED)[name] = value


def _tell_of_ends(alive: set[int]) -> None:
    for pid in list(alive):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            alive.discard(pid)
            _tell({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _tell(what: Mapping[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
