"""What traces cost where they are off: a server with OpenTelemetry installed beside one without it.

    .venv/bin/python -m bench.traces_off

Both are ``authrim serve`` without ``trace_export``. In one, OpenTelemetry cannot be imported. Python itself counts each
instruction of its own and each call of a function in C that the thread of the event loop makes, so that a machine with
other work counts the same. Each request is counted by itself, with what follows its answer. The least of 500 is what it
takes when the clock lets nothing else run; what was seen only once is left out. Requests that write are not counted:
they wait for a thread, and no two of them are alike.
"""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from bench.authrim_side import AuthrimSide
from bench.http_client import Client
from bench.side import DISCOVERY, Launch

REQUESTS: Final = 500
SEEN: Final = 2
WARM_UP: Final = 20
#: What follows an answer begins sooner than that.
SETTLED_SECONDS: Final = 0.005

#: Becomes a server that counts. A line to the first pipe is answered with the numbers at the second.
_COUNTED: Final = """
import sys, threading
asked, told, installed, *arguments = sys.argv[1:]
if installed == "no":
    sys.modules["opentelemetry"] = None
instructions = calls = 0

def traced(frame, event, _argument):
    global instructions
    frame.f_trace_opcodes, frame.f_trace_lines = True, False
    if event == "opcode":
        instructions += 1
    return traced

def profiled(_frame, event, _argument):
    global calls
    if event == "c_call":
        calls += 1

def answer():
    with open(asked) as lines, open(told, "w") as answers:
        for _ in lines:
            modules = sum(name.startswith("opentelemetry") and sys.modules[name] is not None for name in sys.modules)
            print(instructions, calls, modules, file=answers, flush=True)

threading.Thread(target=answer, daemon=True).start()
sys.argv[1:] = arguments
from authrim.commands.root import main
sys.setprofile(profiled)
sys.settrace(traced)
main(prog_name="authrim")
"""


class Counted(NamedTuple):
    """For one request, and the modules of OpenTelemetry in memory."""

    instructions: int
    calls: int
    modules: int


class CountingSide(AuthrimSide):
    """A server that counts what its event loop executes."""

    installed: ClassVar[str]

    def launch(self) -> Launch:
        """The same command, in a process that counts."""
        usual = super().launch()
        python, _module, _authrim, *arguments = usual.command
        for pipe in self._pipes:
            pipe.unlink(missing_ok=True)
            os.mkfifo(pipe)
        asked, told = map(str, self._pipes)
        return usual._replace(command=(python, "-c", _COUNTED, asked, told, self.installed, *arguments))

    @property
    def _pipes(self) -> tuple[Path, Path]:
        return self._folder / "asked", self._folder / "told"

    @contextmanager
    def numbers(self) -> Iterator[Callable[[], Counted]]:
        """What was counted until now, whenever it is called and nothing is left to be done."""
        asked, told = self._pipes
        with asked.open("w") as lines, told.open() as answers:

            def ask() -> Counted:
                print(file=lines, flush=True)
                return Counted(*map(int, answers.readline().split()))

            def settled() -> Counted:
                last = ask()
                while True:
                    time.sleep(SETTLED_SECONDS)
                    now = ask()
                    if now == last:
                        return now
                    last = now

            yield settled


class Installed(CountingSide):
    """With the packages of ``authrim[otel]``."""

    name, title, installed = "installed", "installed, off", "yes"


class NotInstalled(CountingSide):
    """Without them."""

    name, title, installed = "not-installed", "not installed", "no"


def asked_of(side: CountingSide) -> dict[str, Callable[[Client], Any]]:
    """The requests, and how each is made."""
    credentials = side.basic("opaque")
    token = {"token": side.access_token("opaque")}
    return {
        "introspection, opaque": lambda client: client.request("POST", "/introspect", token, credentials),
        "key set": lambda client: client.request("GET", side.paths.jwks),
        "discovery": lambda client: client.request("GET", DISCOVERY),
    }


def leasts(side: CountingSide) -> dict[str, Counted]:
    """What each request takes at least."""
    found = {}
    with side.numbers() as numbers:
        for title, ask in asked_of(side).items():
            client, took = side.client(), []
            for _ in range(WARM_UP + REQUESTS):
                before = numbers()
                assert ask(client).status == 200
                after = numbers()
                took.append((after.instructions - before.instructions, after.calls - before.calls))
            seen = Counter(took[WARM_UP:])
            found[title] = Counted(*min(one for one in seen if seen[one] >= SEEN), after.modules)
    return found


def main() -> None:
    """Count both, and print a table."""
    counted = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in (NotInstalled, Installed):
            with kind.started(Path(folder), None, background="none") as side:
                counted[kind.title] = leasts(side)
    print(
        "| request | OpenTelemetry | instructions of Python | calls of functions in C | its modules in memory |"
    )
    print("|---|---|---:|---:|---:|")
    for title in next(iter(counted.values())):
        for installed, of_request in counted.items():
            one = of_request[title]
            print(f"| {title} | {installed} | {one.instructions:,} | {one.calls:,} | {one.modules} |")


if __name__ == "__main__":
    main()
