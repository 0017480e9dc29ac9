"""Finds the tests that cite rules: in their docstrings, their parameters, or a table of cases that they use."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scripts.rules.numbers import cited
from scripts.rules.pages import Proof


def proofs(root: Path) -> Mapping[str, Sequence[Proof]]:
    """Every cited rule, with the tests below ``root / "tests"`` that cite it."""
    found = defaultdict[str, list[Proof]](list)
    for file in sorted((root / "tests").rglob("test_*.py")):
        for number, test in _proofs_of(file.read_text("utf-8")):
            found[number].append(Proof(file.relative_to(root), test))
    return found


def _proofs_of(text: str) -> Iterator[tuple[str, str]]:
    """A range in the docstring of a module describes the file, so it does not prove each of its numbers."""
    module = ast.parse(text)
    lines = text.splitlines()
    uses = _names_used(module)
    for node in module.body:
        for number in cited(_source(node, lines), ranges=not _is_docstring(node, module)):
            for test in _tests_of(node, uses):
                yield number, test


def _tests_of(node: ast.stmt, uses: Mapping[str, set[str]]) -> Sequence[str]:
    """The test itself. For a table or a helper, the tests that use it; otherwise the whole file."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        if node.name.startswith(("test_", "Test")):
            return (node.name,)
        names = {node.name}
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
    else:
        names = set()
    users = sorted(test for test, used in uses.items() if used & names)
    return users or ("",)


def _names_used(module: ast.Module) -> Mapping[str, set[str]]:
    return {
        node.name: {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def _source(node: ast.stmt, lines: Sequence[str]) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(lines[first - 1 : node.end_lineno])


def _is_docstring(node: ast.stmt, module: ast.Module) -> bool:
    return node is module.body[0] and isinstance(node, ast.Expr)
