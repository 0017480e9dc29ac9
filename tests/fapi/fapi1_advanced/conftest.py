"""Each test runs in the variants of the module that it is named for."""

import pytest

from tests.support.fapi_fixtures import client, clock, in_its_variants, other, shared
from tests.support.fapi_plans import ADVANCED_PLAN

__all__ = ["client", "clock", "other", "shared"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    in_its_variants(metafunc, ADVANCED_PLAN)
