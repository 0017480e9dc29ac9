"""What the tests of a FAPI plan share: each runs in every variant of its module, on one server for all of them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import time_machine

from tests.support.fapi_client import FapiClient, FapiServer, fapi_server
from tests.support.fapi_plans import Plan, Variant


def in_its_variants(metafunc: pytest.Metafunc, plan: Plan) -> None:
    """Run a test in the variants of the module that it is named for."""
    module = plan.module_of(metafunc.function.__name__)
    if module is not None and "variant" in metafunc.fixturenames:
        metafunc.parametrize("variant", plan.runs_in(module), ids=str)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FapiServer]:
    async with fapi_server(tmp_path_factory.mktemp("fapi")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def clock(shared: FapiServer) -> AsyncIterator[time_machine.Traveller]:
    """The clock of client and server, which a test may move on. It goes on from where the last test left it: the time
    of a log never goes back."""
    now = (await shared.mtls.core.store.head()).now / 1e6
    with time_machine.travel(now, tick=True) as traveller:
        yield traveller


@pytest_asyncio.fixture(loop_scope="session")
async def client(shared: FapiServer, variant: Variant, clock: time_machine.Traveller) -> FapiClient:
    """The first client of the variant."""
    return await shared.client(variant)


@pytest_asyncio.fixture(loop_scope="session")
async def other(shared: FapiServer, variant: Variant, clock: time_machine.Traveller) -> FapiClient:
    """The second client of the variant."""
    return await shared.client(variant, 1)
