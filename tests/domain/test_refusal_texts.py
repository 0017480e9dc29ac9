"""Refusals are built with named fields, and each text is of the kind that its field is for."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The ways to make a refusal, and the strings that each takes without a name.
UNNAMED = {
    "Refusal": ("error", "description"),
    "DeadEnd": ("error", "description"),
    "NoUsableKey": ("error", "description"),
    "LoginTaken": ("error", "description"),
    "WrongKey": ("error", "description"),
    "WrongVerifier": ("error", "description"),
    "invalid_request": ("description",),
    "invalid_client": ("description",),
    "invalid_grant": ("description",),
    "invalid_scope": ("description",),
    "invalid_target": ("description",),
    "unauthorized_client": ("description",),
    "invalid_dpop_proof": ("description",),
}
SECTION = re.compile(r"(RFC \d|OIDC|OAuth|OpenID|FAPI|draft-|Initiating|Session|Front|Back|NIST|JARM|SSF)")
NAMES_A_SECTION = re.compile(r"§|\bRFC \d|\bOIDC |\bsection \d|draft-ietf")
WORD = re.compile(r"[a-z0-9_]*")


@cache
def sources() -> tuple[tuple[Path, ast.Module], ...]:
    return tuple(
        (file.relative_to(ROOT), ast.parse(file.read_text()))
        for package in ("authrim", "domain", "projections")
        for file in sorted((ROOT / package).rglob("*.py"))
    )


def refusals() -> Iterator[tuple[str, dict[str, str]]]:
    """Where each refusal is made, and those of its strings that are written there."""
    for file, module in sources():
        for node in ast.walk(module):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            if name in UNNAMED and not any(isinstance(one, ast.Starred) for one in node.args):
                yield f"{file}:{node.lineno}", strings(name, node)


def strings(name: str, call: ast.Call) -> dict[str, str]:
    given = dict(zip(UNNAMED[name], call.args, strict=True)) | {
        one.arg or "": one.value for one in call.keywords
    }
    return {key: one.value for key, one in given.items() if isinstance(one, ast.Constant) and one.value != ""}


def test_each_string_of_a_refusal_is_in_its_place() -> None:
    """A hint says what to do and names no section; a section is one; a reason is a word for the log."""
    found = list(refusals())
    assert len(found) > 300
    assert [place for place, given in found if NAMES_A_SECTION.search(given.get("hint", ""))] == []
    assert [place for place, given in found if not SECTION.match(given.get("section", "RFC 1"))] == []
    assert [place for place, given in found if not WORD.fullmatch(given.get("reason", ""))] == []
    assert [place for place, given in found if " " in given.get("error", "")] == []


def constants() -> set[str]:
    """The names of the refusals that modules hold ready."""
    found = set()
    for _, module in sources():
        for node in module.body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if isinstance(value, ast.Call) and getattr(value.func, "id", "") in UNNAMED:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_no_path_hangs_on_which_object_a_refusal_is() -> None:
    """No code compares a refusal by identity or looks at the words of its reason: what matters of it is its type."""
    held = constants()
    kinds = {
        node.name
        for _, module in sources()
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "Refusal" for base in node.bases)
    }
    assert kinds <= set(UNNAMED)
    assert {"LOGIN_TAKEN", "NO_ENCRYPTION_KEY", "CLIENT_CHANGED"} <= held
    for file, module in sources():
        for node in ast.walk(module):
            if not isinstance(node, ast.Compare):
                continue
            both = [node.left, *node.comparators]
            names = {one.id for one in both if isinstance(one, ast.Name)}
            assert not held & names or not any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops), (
                f"{file}:{node.lineno}"
            )
            # Readers of the log have nothing but the word that an event carries.
            if file.parts[:2] not in (("authrim", "audit"), ("authrim", "signals")):
                assert not any(isinstance(one, ast.Attribute) and one.attr == "reason" for one in both), (
                    f"{file}:{node.lineno}"
                )


def test_the_domain_returns_its_refusals() -> None:
    """No module of ``domain`` raises a refusal, wraps one in an exception, or catches one: what is refused is a value,
    so that events can be appended with it (``domain/errors.py``)."""
    for file, module in sources():
        if file.parts[0] != "domain":
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.Raise | ast.ExceptHandler):
                named = node.exc if isinstance(node, ast.Raise) else node.type
                names = {one for part in ast.walk(named or node) for one in (name_of(part),) if one}
                assert not {one for one in names if one in UNNAMED or "refus" in one.lower()}, (
                    f"{file}:{node.lineno}"
                )
            if isinstance(node, ast.ClassDef) and any("Exception" in name_of(base) for base in node.bases):
                assert not any(name_of(one) == "Refusal" for one in ast.walk(node)), f"{file}:{node.lineno}"


def name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
