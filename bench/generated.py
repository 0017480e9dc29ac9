"""The part of a page that a benchmark writes: between two markers, with the commit, the machine and its load."""

import os
import platform
import subprocess
from datetime import UTC, datetime


def replaced(page: str, name: str, text: str) -> str:
    """The page with ``text`` between the markers of ``name``. Raises ValueError when they are not there."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    if begin not in page or end not in page:
        raise ValueError(f"the page has no markers for {name}")
    before, _, rest = page.partition(begin)
    _, _, behind = rest.partition(end)
    return f"{before}{begin}\n{text.strip()}\n{end}{behind}"


def machine(command: str) -> str:
    """A line that says what was measured, when, and on what."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"`{command}`, commit {commit or 'unknown'}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} "
        f"processors, Python {platform.python_version()}, load of the machine at the end {load}."
    )
