"""Checks where files are: ``python -m scripts.house`` prints each file in the wrong place, and fails.

The import rules are in ``pyproject.toml``. This checks what they cannot express: ``authrim/`` itself has no other
modules, every package has a docstring, a private module is imported only by its own package, and every folder of tests
is a package.
"""

import ast
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final

#: Folders with modules. A module is always imported by its full name.
CODE: Final = ("authrim", "domain", "projections", "migrations")
USERS: Final = (*CODE, "tests", "bench", "scripts", "docs")
#: The modules that may be in ``authrim/`` itself. All others belong to a package.
LOOSE: Final = {"__init__.py", "__main__.py"}


def problems(root: Path) -> list[str]:
    """All findings, one sentence each, with their places."""
    return [
        *_loose_modules(root),
        *_packages_without_meaning(root),
        *_private_modules_used_outside(root),
        *_test_folders_that_are_no_packages(root),
    ]


def _loose_modules(root: Path) -> Iterator[str]:
    for file in sorted((root / "authrim").glob("*.py")):
        if file.name not in LOOSE:
            yield f"authrim/{file.name} is in no package: move it into one"


def _packages_without_meaning(root: Path) -> Iterator[str]:
    for folder in sorted({file.parent for name in CODE for file in (root / name).rglob("*.py")}):
        init = folder / "__init__.py"
        if not init.exists() or ast.get_docstring(ast.parse(init.read_text("utf-8"))) is None:
            yield f"{init.relative_to(root)} does not say what the package contains"


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
    """The project's own modules that a file imports, as the parts of their names."""
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
            yield f"{folder.relative_to(root)} is not a package: its files need names that no other has"


def main() -> int:
    """Print the findings, and return the exit code."""
    found = problems(Path.cwd())
    for problem in found:
        sys.stderr.write(problem + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
