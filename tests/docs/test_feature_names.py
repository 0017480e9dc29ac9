"""Names of features have one home."""

import ast
from pathlib import Path

from authrim.features import FEATURES
from domain.vocabulary import features

ROOT = Path(__file__).parents[2]
NAMED = {value for key, value in vars(features).items() if key.isupper()}


def test_each_name_that_code_asks_for_is_a_feature() -> None:
    """No switch of the code hangs on a feature that is not in the table."""
    assert {feature.name for feature in FEATURES} >= NAMED


def test_no_name_that_code_asks_for_is_spelled_twice() -> None:
    """The table and what looks a feature up take its name from ``domain/vocabulary/features.py``."""
    for package in ("authrim", "domain"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Feature":
                    spelled = node.args[:1]
                elif isinstance(node, ast.Compare) and "features" in ast.unparse(node.comparators[0]):
                    spelled = [node.left]
                else:
                    continue
                for one in spelled:
                    literal = isinstance(one, ast.Constant)
                    asked_for = (
                        isinstance(node, ast.Compare) or ast.literal_eval(one) in NAMED if literal else False
                    )
                    assert not asked_for, f"{file}:{node.lineno}"
