"""``authrim doctor``: asks whether a server is set up as it must be, and says how each fault is mended."""

import asyncio
import ipaddress
import ssl
import sys
from collections import Counter
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from authrim.commands._common import is_json, json_text
from authrim.commands.list_layout import WIDTH
from authrim.core.master_proof import master_keys_of
from authrim.crypto.master import MasterKeyRefused
from authrim.doctor.examination import Result, examine, unusable
from authrim.doctor.examined import Options
from authrim.doctor.finding import Finding
from authrim.outside.telemetry import configure_command, scrub_text
from authrim.settings import BadSettings, Settings, load

_STYLES: Final = {
    "ok": "green",
    "note": "cyan",
    "warning": "yellow",
    "fault": "bold red",
    "passed_over": "dim",
}
#: Columns before the text of a check.
_INDENT: Final = 8
_WORDS: Final = {**{name: name for name in _STYLES}, "passed_over": "–"}


def _read_address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return str(ipaddress.ip_address(value.strip("[]")))
    except ValueError:
        raise click.BadParameter("must be an IP address, such as 203.0.113.5") from None


def _read_authorities(_context: click.Context, _parameter: click.Parameter, file: Path | None) -> Path | None:
    try:
        if file is not None:
            ssl.create_default_context().load_verify_locations(file)
    except OSError as error:
        raise click.BadParameter(f"it has no certificates in PEM: {error.strerror or error}") from None
    return file


@click.command()
@click.option(
    "--address",
    callback=_read_address,
    help="Ask the server at this IP address, whatever DNS says: before the records are changed.",
)
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_read_authorities,
    help="Authorities (PEM) that your clients trust beside the system's.",
)
@click.option(
    "--sign-in",
    is_flag=True,
    help="Also sign in, with a client and an account that are made for it and taken away afterwards. The log keeps "
    "their events.",
)
@click.pass_context
def doctor(context: click.Context, address: str | None, ca_file: Path | None, *, sign_in: bool) -> None:
    """Examine a server from inside and from outside, and say how each fault is mended.

    Run it on the server's machine, as its user and with its settings. Without --sign-in it changes nothing. The status
    is 1 when there is a fault. docs/operations/doctor.md has all that it can find.
    """
    config = context.find_root().params.get("config")
    configure_command()
    options = Options(config, address, ca_file, sign_in)
    try:
        settings = load(config)
        master_keys_of(settings)
    except BadSettings as bad:
        results = [unusable(bad.problems)]
        _print(context, results[0])
    except MasterKeyRefused as refused:
        results = [unusable([f"master_keys: {refused}"])]
        _print(context, results[0])
    else:
        results = asyncio.run(_examine(context, settings, options))
    if not _conclude(context, results):
        context.exit(1)


async def _examine(context: click.Context, settings: Settings, options: Options) -> list[Result]:
    results = []
    async for result in examine(settings, options):
        _print(context, result)
        results.append(result)
    return results


def _print(context: click.Context, result: Result) -> None:
    """One check: a line of JSON, or text for people."""
    if is_json(context):
        click.echo(json_text(_data(result)))
        return
    outcome = result.outcome
    asked = f" ({result.passed_over})" if result.passed_over else ""
    line = Text.assemble(
        (f"{_WORDS[outcome]:<{_INDENT}}", _STYLES[outcome]), f"{result.check.id}: {result.check.asks}{asked}"
    )
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(line)
    for finding in result.findings:
        console.print(_described(finding))


def _data(result: Result) -> dict[str, Any]:
    return {
        "check": result.check.id,
        "asks": result.check.asks,
        "outcome": result.outcome,
        "passed_over": result.passed_over,
        "findings": [
            {
                "id": finding.problem.id,
                "severity": finding.problem.severity,
                "what": finding.problem.what,
                "detail": scrub_text(finding.detail),
                "fix": finding.fix,
            }
            for finding in result.findings
        ],
    }


def _described(finding: Finding) -> Text:
    """Lines below the check. Only a terminal gets them wrapped."""
    problem = finding.problem
    lines = [
        problem.what,
        f"Seen: {scrub_text(finding.detail)}" if finding.detail else "",
        f"Fix: {finding.fix}",
    ]
    indent = " " * _INDENT
    text = Text.assemble(indent, (problem.id, _STYLES[problem.severity]), f" ({problem.severity})")
    for line in filter(None, lines):
        parts = wrap(line, WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False)
        shown = parts if sys.stdout.isatty() else [line]
        text.append("".join(f"\n{indent}{part}" for part in shown))
    return text


def _conclude(context: click.Context, results: list[Result]) -> bool:
    """Print the sum; whether there is no fault."""
    counts = Counter(finding.problem.severity for result in results for finding in result.findings)
    looked = sum(not result.passed_over for result in results)
    ok = not counts["fault"]
    if is_json(context):
        sums = {f"{name}s": counts[name] for name in ("fault", "warning", "note")}
        click.echo(json_text({"ok": ok, "checks": looked, **sums}))
        return ok
    found = ", ".join(
        f"{counts[name]} {name}{'s' * (counts[name] != 1)}" for name in ("fault", "warning", "note")
    )
    Console(highlight=False, markup=False).print(
        Text(f"\n{looked} checks: {found}.", "green" if ok else "bold red")
    )
    return ok
