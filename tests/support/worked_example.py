"""A documentation page as its reader would follow it: its commands, run in order, and what it says they print.

A page is read for its fenced blocks. ``sh`` and ``python`` blocks are run one after the other in one folder, with a
development server there; a ``text`` block is what the block before it prints, in which ``…`` stands for anything.
The page's server is ``http://localhost:8080``; here it is wherever a port was free.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.patience import PATIENCE

#: Where the pages say that the server is.
WRITTEN_ISSUER = "http://localhost:8080"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Of one block: on a busy machine, a report with its PDF takes minutes.
_SECONDS = 10 * PATIENCE


class Example(NamedTuple):
    """One block to run, and what the page says it prints; None when it does not say."""

    language: str
    source: str
    printed: str | None


def examples(page: str) -> Iterator[Example]:
    """The blocks of a page that a reader would run."""
    blocks: list[tuple[str, str]] = _BLOCK.findall(page)
    for number, (language, source) in enumerate(blocks):
        if language not in ("sh", "python"):
            continue
        following = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
        yield Example(language, source, following[1] if following[0] == "text" else None)


def follow(page: str, folder: Path, issuer: str, environment: Mapping[str, str]) -> int:
    """Run a page's examples in ``folder``; how many there were. Fails where the page is not true."""
    count = 0
    session = folder / "session.sh"
    session.write_text("")
    for example in examples(page):
        count += 1
        source = example.source.replace(WRITTEN_ISSUER, issuer)
        printed = _run(example.language, source, session, folder, environment)
        if example.printed is not None:
            assert _fits(example.printed.replace(WRITTEN_ISSUER, issuer), printed), (example.source, printed)
    return count


def _run(language: str, source: str, session: Path, folder: Path, environment: Mapping[str, str]) -> str:
    """Shell blocks share their variables, as in one terminal: each begins with what the ones before have set."""
    script_file = folder / f"example.{language}"
    if language == "python":
        script, command = source, [sys.executable, str(script_file)]
    else:
        saves = 'trap \'declare -p > "$SESSION.new" && mv "$SESSION.new" "$SESSION"\' EXIT\n'
        script = f'set +eu; source "$SESSION" 2>/dev/null; set -euo pipefail; export SESSION\n{saves}{source}'
        command = ["bash", str(script_file)]
    script_file.write_text(script)
    ran = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env=dict(environment) | {"SESSION": str(session)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, (source, ran.stdout, ran.stderr)
    return ran.stdout


def _fits(expected: str, printed: str) -> bool:
    """Whether it was printed. Spaces at the end of a line, as of tables, cannot be seen and do not count."""
    pattern = r".*?".join(re.escape(part) for part in expected.strip().split("…"))
    seen = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.fullmatch(pattern, seen, re.DOTALL) is not None
