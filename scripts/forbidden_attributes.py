"""Refuses the use of aiohttp attributes that take more than linear time on a long message (A217): ``Content-Type``,
which the standard library's e-mail parser reads in quadratic time, and ``Cookie``.

``make check`` runs it. A linter cannot know the type of an object, so these names are refused on every object.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[1]
ROOTS = ("authrim", "domain", "projections")
_TYPE = "use authrim/outside/media_type.py and the bytes of the body"
#: What to use instead of each attribute.
ATTRIBUTES = dict.fromkeys(("content_type", "charset", "get_encoding", "multipart"), _TYPE) | {
    "cookies": "use authrim/web/cookie_header.py"
}
#: Calls without arguments that use the same parser: ``await request.json()``.
CALLS = {"json", "text", "post"}


def offences(source: str) -> Iterator[tuple[int, str, str]]:
    """The line of each forbidden attribute, its name, and what to use instead."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
            yield node.lineno, node.attr, ATTRIBUTES[node.attr]
        elif isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Attribute) and called.attr in CALLS and not node.value.args:
                yield node.lineno, f"{called.attr}()", _TYPE


def main() -> int:
    """Print the findings, and return the exit code."""
    files = [file for root in ROOTS for file in sorted((TOP / root).rglob("*.py"))]
    if not files:
        raise FileNotFoundError(TOP)
    found = [
        f"{file}:{line}: .{name} takes too long on a long header: {instead}"
        for file in files
        for line, name, instead in offences(file.read_text("utf-8"))
    ]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
