"""What a command imports is what makes it slow to start, and a server large: each loads its own room alone."""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterable
from importlib import import_module

import click
import pytest

from authrim.commands.root import COMMANDS
from authrim.features import FEATURES
from authrim.features.on_demand import handler_of

#: What a server needs for a page, a report, a logo, or never.
_NOT_AT_ONCE = {
    "PIL", "authrim.auditor.reports_endpoint", "authrim.backup", "authrim.doctor", "authrim.reports", "babel",
    "domain.report", "jinja2", "jsonschema", "opentelemetry", "prometheus_client", "weasyprint",
}  # fmt: skip
#: What no server needs before somebody asks for it.
_NOT_BEFORE_A_REQUEST = {
    "authrim.auditor.event_stream.event_stream_endpoint", "authrim.clients.registration",
    "authrim.signals.stream_endpoint", "authrim.tokens.introspect_at_endpoint", "authrim.transparency.endpoint", "rich",
}  # fmt: skip
#: The background work, which has a process of its own.
_BACKGROUND_WORK = {"authrim.siem", "authrim.webhooks", "authrim.core.outbox", "authrim.signals.push"}
#: No help needs those.
_NOT_FOR_HELP = {"aiohttp", "asyncio", "asyncpg", "cryptography", "pydantic", "rich", "structlog"}


def _imported(code: str, *arguments: str) -> set[str]:
    """The modules of a process that ran this code."""
    program = f"import json, sys\n{code}\nprint(json.dumps(list(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def _load(*names: str) -> str:
    return "from authrim.commands._loading import loaded\n" + "\n".join(
        f"loaded('authrim.commands.{name}', '{name}')" for name in names
    )


def _and_below(names: Iterable[str], modules: set[str]) -> set[str]:
    return {module for module in modules for name in names if module == name or module.startswith(f"{name}.")}


@pytest.mark.parametrize(("command", "most"), [("serve", 1100), ("background", 1100)])
def test_a_server_starts_without_what_it_does_not_need_at_once(command: str, most: int) -> None:
    """A process that serves, or does the background work, imports no page, report, image or doctor when it starts, and
    no more modules than it did."""
    modules = _imported(_load(command))
    assert _and_below(_NOT_AT_ONCE | _NOT_BEFORE_A_REQUEST, modules) == set()
    assert len(modules) <= most


def test_a_server_imports_no_background_work() -> None:
    """A server with another process for the background work does not import that work."""
    assert _and_below(_BACKGROUND_WORK, _imported(_load("serve"))) == set()


def test_a_server_reads_no_authorities_for_nobody() -> None:
    """The TLS contexts that aiohttp makes for clients without one trust nobody in a server, and a context that is made
    afterwards trusts whom the system trusts."""
    code = (
        "import aiohttp.connector as made, os, ssl\n"
        "assert made._SSL_CONTEXT_VERIFIED.cert_store_stats()['x509_ca'] == 0\n"
        "assert made._SSL_CONTEXT_VERIFIED.verify_mode == ssl.CERT_REQUIRED\n"
        "assert {name: os.environ.get(name) for name in before} == before\n"
    )
    before = (
        "import os\nbefore = {name: os.environ.get(name) for name in ('SSL_CERT_FILE', 'SSL_CERT_DIR')}\n"
    )
    _imported(before + _load("serve") + "\n" + code)


@pytest.mark.parametrize(("command", "most"), [("client", 800), ("keys", 800), ("migrate", 800)])
def test_a_command_imports_no_server(command: str, most: int) -> None:
    """A command that works on the database imports neither the server nor an HTTP client, unless it sends something,
    and no more modules than it did."""
    modules = _imported(_load(command))
    heavy = _NOT_AT_ONCE | {"aiohttp", "aiodns", "authrim.server", "authrim.web", "authrim.auditor"}
    assert _and_below(heavy, modules) == set()
    assert len(modules) <= most


def test_help_imports_no_command() -> None:
    """`authrim --help` lists the commands without importing one, or any library but click."""
    modules = _imported(
        "from authrim.commands.root import main\nmain(['--help'], standalone_mode=False)",
    )
    assert _and_below(_NOT_FOR_HELP, modules) == set()
    assert not modules & {f"authrim.commands.{name}" for name in COMMANDS}
    assert len(modules) <= 140


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_the_command_says(name: str) -> None:
    """The line of a command in the list of all is the beginning of the command's own help."""
    command = getattr(import_module(f"authrim.commands.{name}"), name)
    assert isinstance(command, click.Command)
    paragraph = inspect.cleandoc(command.help or "").split("\n\n")[0]
    assert COMMANDS[name] == paragraph.replace("\n", " ")


def test_every_handler_on_demand_is_there() -> None:
    """What the table of features imports on demand is a handler of that name."""
    for feature in FEATURES:
        for route in feature.routes:
            assert inspect.iscoroutinefunction(handler_of(route.handler)), route.name
