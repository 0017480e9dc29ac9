"""The process that has imported ``authrim``, and makes each command by a fork: ``python -m … DESCRIPTOR``.

It listens at the descriptor, and says when it is ready. It ends when its input does, after it has killed the commands
that still run.
"""

import ast
import gc
import importlib
import os
import pkgutil
import random
import runpy
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any, Final, NamedTuple
from uuid import uuid4

#: What commands import in a function, and takes long.
_LATE: Final = ("babel.support", "jinja2", "PIL.Image", "weasyprint")


class Order(NamedTuple):
    """A command as its launcher was started."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str
    mask: int
    streams: list[int]


class Running(NamedTuple):
    """A command, the descriptor that tells of its end, and its launcher."""

    pid: int
    end: int
    launcher: socket.socket


def main() -> None:
    """Make commands until nobody wants any more. It returns into each command as well, which begins then."""
    _import_all()
    assert threading.active_count() == 1, "a fork takes one thread along"
    print("ready", flush=True)
    order = _forked(socket.socket(fileno=int(sys.argv[1])))
    if order is not None:
        _become(order)


def _import_all() -> None:
    authrim = importlib.import_module("authrim")
    modules = [module.name for module in pkgutil.walk_packages(authrim.__path__, "authrim.")]
    for name in (*(name for name in modules if not name.endswith("__main__")), *_LATE):
        with suppress(ImportError):  # what needs a library that is not installed
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _forked(listener: socket.socket) -> Order | None:
    """Fork for each launcher. In a command: its order. In the process that forks: None, in the end."""
    poll = select.poll()
    for source in (sys.stdin.fileno(), listener.fileno()):
        poll.register(source, select.POLLIN)
    by_source: dict[int, Running] = {}
    while True:
        for source, _ in poll.poll():
            if source == sys.stdin.fileno():
                for running in set(by_source.values()):
                    os.kill(running.pid, signal.SIGKILL)
                return None
            if source == listener.fileno():
                launcher, _ = listener.accept()
                order = _read_order(launcher)
                if order is None:
                    continue
                if (pid := os.fork()) == 0:
                    return order
                for stream in order.streams:
                    os.close(stream)
                running = Running(pid, os.pidfd_open(pid), launcher)
                for added in (running.end, launcher.fileno()):
                    by_source[added] = running
                    poll.register(added, select.POLLIN)
            elif (known := by_source.get(source)) is not None:
                if source == known.end:
                    for gone in (known.end, known.launcher.fileno()):
                        by_source.pop(gone, None)
                        with suppress(KeyError):
                            poll.unregister(gone)
                    _tell_of_its_end(known)
                elif not _pass_on(known):
                    poll.unregister(source)


def _read_order(launcher: socket.socket) -> Order | None:
    size, streams, _, _ = socket.recv_fds(launcher, 9, 3)
    if len(streams) != 3:  # it was killed before it had said all
        launcher.close()
        return None
    # No byte more: a signal may come after it.
    order = launcher.recv(int(size), socket.MSG_WAITALL)
    if len(order) < int(size):
        launcher.close()
        for stream in streams:
            os.close(stream)
        return None
    return Order(*ast.literal_eval(order.decode("utf-8", "surrogateescape")), streams)


def _pass_on(running: Running) -> bool:
    """Pass its launcher's signals on. False once the launcher is gone, and takes the command with it."""
    with suppress(ConnectionError):
        if numbers := running.launcher.recv(64):
            for number in numbers:
                os.kill(running.pid, number)
            return True
    os.kill(running.pid, signal.SIGKILL)
    return False


def _tell_of_its_end(running: Running) -> None:
    _, status = os.waitpid(running.pid, 0)
    os.close(running.end)
    with running.launcher, suppress(OSError):
        running.launcher.sendall(b"%d" % os.waitstatus_to_exitcode(status))


def _become(order: Order) -> None:
    """Be ``python -m MODULE`` as the launcher would have been."""
    for number, stream in enumerate(order.streams):
        os.dup2(stream, number)
    os.closerange(3, 4096)
    os.environ.clear()
    os.environ.update(order.environment)
    os.chdir(order.folder)
    os.umask(order.mask)
    _open_streams()
    random.seed()
    # What a process makes for itself at its first import.
    _own("authrim.store.postgres.connections", "_process", uuid4().hex[:12])
    _own("authrim.clients.authentication.remembered_headers", "_KEY", os.urandom(32))
    sys.argv = [order.module, *order.arguments]
    runpy.run_module(order.module, run_name="__main__", alter_sys=True)


def _open_streams() -> None:
    """As Python does at its start: what is written to a terminal is written at each line."""
    encoding = sys.stdout.encoding
    for name, number, mode, errors, buffering in (
        ("stdin", 0, "r", "strict", -1), ("stdout", 1, "w", "strict", -1), ("stderr", 2, "w", "backslashreplace", 1),
    ):  # fmt: skip
        stream = open(number, mode, buffering, encoding, errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _own(module: str, name: str, value: Any) -> None:
    loaded = importlib.import_module(module)
    assert hasattr(loaded, name)
    setattr(loaded, name, value)


if __name__ == "__main__":
    main()
