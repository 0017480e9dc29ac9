"""Every module of the suite's three FAPI plans has its test, in every variant that it runs in."""

import importlib.util
import inspect
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from scripts.reference.specs import evidence
from tests.support.fapi_plans import ADVANCED_PLAN, MESSAGE_SIGNING_PLAN, SECURITY_PLAN, Plan

FOLDERS = Path(__file__).parents[1] / "fapi"
FAPI2_FOLDERS = ("fapi2_security", "fapi2_message_signing")
#: A plan, where its tests are, and how many modules the suite runs in some of its variants.
PLANS: dict[str, tuple[Plan, tuple[str, ...], dict[str, int]]] = {
    "fapi2-security-profile-final": (
        SECURITY_PLAN,
        FAPI2_FOLDERS,
        {
            "private_key_jwt-dpop-openid": 56, "private_key_jwt-mtls-openid": 47, "mtls-dpop-openid": 46,
            "mtls-mtls-openid": 37, "private_key_jwt-dpop-oauth": 50, "private_key_jwt-mtls-oauth": 41,
            "mtls-dpop-oauth": 40, "mtls-mtls-oauth": 31,
        },
    ),
    "fapi2-message-signing-final": (
        MESSAGE_SIGNING_PLAN,
        FAPI2_FOLDERS,
        {
            "private_key_jwt-dpop-openid-jar": 70, "private_key_jwt-dpop-openid-jar-jarm": 70,
            "private_key_jwt-dpop-openid-jarm": 56, "private_key_jwt-mtls-openid-jar-jarm": 61,
            "mtls-mtls-oauth-jar-jarm": 45,
        },
    ),
    "fapi1-advanced-final": (
        ADVANCED_PLAN,
        ("fapi1_advanced",),
        {
            "private_key_jwt-by_value": 45, "private_key_jwt-pushed": 63, "mtls-by_value": 36, "mtls-pushed": 49,
            "private_key_jwt-by_value-jarm": 45, "private_key_jwt-pushed-jarm": 63, "mtls-by_value-jarm": 36,
            "mtls-pushed-jarm": 49,
        },
    ),
}  # fmt: skip


@lru_cache
def _tests_in(folder: str) -> dict[str, Callable[..., Any]]:
    """The test functions of a folder by their names."""
    found: dict[str, Callable[..., Any]] = {}
    for file in sorted((FOLDERS / folder).glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"{folder}_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, function in vars(module).items():
            if name.startswith("test_"):
                assert name not in found, f"{name} is there twice"
                found[name] = function
    return found


def _tests_of(folders: tuple[str, ...]) -> dict[str, Callable[..., Any]]:
    return {name: function for folder in folders for name, function in _tests_in(folder).items()}


@pytest.mark.parametrize("name", PLANS)
def test_each_module_has_its_test(name: str) -> None:
    """None is missing, none is of no module, each names its own in full and asks for a client of the variant."""
    plan, folders, _ = PLANS[name]
    tests = _tests_of(folders)
    wanted = {plan.test_of(module): plan.full_name(module) for module in plan.modules}
    assert set(tests) == set(wanted)
    for test, module in wanted.items():
        assert f"``{module}``" in (tests[test].__doc__ or ""), test
        assert "client" in inspect.signature(tests[test]).parameters, test


@pytest.mark.parametrize("name", PLANS)
def test_each_variant_runs_as_many_as_the_suite(name: str) -> None:
    """conformance.md 1: as many modules in a variant as the suite itself runs."""
    plan, _, counts = PLANS[name]
    runs = Counter(
        str(variant) for module in plan.modules for variant in plan.runs_in(plan.full_name(module))
    )
    assert {variant: runs[variant] for variant in counts} == counts
    assert set(runs) == set(map(str, plan.variants))


def test_each_module_belongs_to_a_feature() -> None:
    """``docs/specs.md`` names every module of the plans, and none that the suite does not have."""
    plans = [plan for plan, _, _ in PLANS.values()]
    modules = {plan.full_name(module) for plan in plans for module in plan.modules}
    named = {module for known in evidence().values() for module in known.suite if module.startswith("fapi")}
    assert named == modules
