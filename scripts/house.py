"""Keeps the house in order: ``python -m scripts.house`` says what stands in the wrong place, and fails.

The floors of the import rules are in ``pyproject.toml``. This checks what they cannot say: nothing lies loose in
``authrim/``, every package says what it is for, a private module is used by its own package alone, and every folder of
tests is a package.
"""

import ast
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final

#: Folders of modules; in each, a module is imported by its full name.
CODE: Final = ("authrim", "domain", "projections", "migrations")
USERS: Final = (*CODE, "tests", "bench", "scripts", "docs")
#: What lies in `authrim/` itself: everything else has a room.
LOOSE: Final = {"__init__.py", "__main__.py"}


def problems(root: Path) -> list[str]:
    """What is not in order, a sentence each, with the place it is at."""
    return [
        *_loose_modules(root),
        *_packages_without_meaning(root),
        *_private_modules_used_outside(root),
        *_test_folders_that_are_no_packages(root),
    ]


def _loose_modules(root: Path) -> Iterator[str]:
    for file in sorted((root / "authrim").glob("*.py")):
        if file.name not in LOOSE:
            yield f"authrim/{file.name} lies loose: give it a room"


def _packages_without_meaning(root: Path) -> Iterator[str]:
    for folder in sorted({file.parent for name in CODE for file in (root / name).rglob("*.py")}):
        init = folder / "__init__.py"
        if not init.exists() or ast.get_docstring(ast.parse(init.read_text("utf-8"))) is None:
            yield f"{init.relative_to(root)} does not say what lives here"


def _private_modules_used_outside(root: Path) -> Iterator[str]:
    for name in USERS:
        for file in sorted((root / name).rglob("*.py")):
            place = file.relative_to(root)
            user = place.with_suffix("").parts
            for module in _imported_modules(root, file):
                owner = tuple(takewhile(lambda part: not part.startswith("_"), module))
                if owner != module and user[: len(owner)] != owner:
                    yield f"{place} imports {'.'.join(module)}, which is private to {'.'.join(owner)}"


def _imported_modules(root: Path, file: Path) -> Iterator[tuple[str, ...]]:
    """The modules of ours that a file imports, by the parts of their names."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in CODE:
            parts = tuple(node.module.split("."))
            yield parts
            for alias in node.names:
                if (root.joinpath(*parts) / f"{alias.name}.py").exists():
                    yield (*parts, alias.name)


def _test_folders_that_are_no_packages(root: Path) -> Iterator[str]:
    for folder in sorted({file.parent for file in (root / "tests").rglob("*.py")}):
        if not (folder / "__init__.py").exists():
            yield f"{folder.relative_to(root)} is no package: its files could not bear the names of others"


def main() -> int:
    """Print what is not in order; the exit code."""
    found = problems(Path.cwd())
    for problem in found:
        sys.stderr.write(problem + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
