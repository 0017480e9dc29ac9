"""A client with an HTTPS endpoint of its own, and a server that may reach it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from authrim.store.contract import Store
from tests.support.https_site import Authority, Site, serving_site
from tests.support.logout_receiver import PATH, reaching
from tests.support.running import RunningServer, running_server


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def site(authority: Authority) -> AsyncIterator[Site]:
    """The client's site; its endpoint says that it has logged the person out."""
    async with serving_site(authority) as serving:
        serving.serve(PATH, b"", headers={"Cache-Control": "no-store"})
        yield serving


@pytest.fixture
async def server(store: Store, authority: Authority) -> AsyncIterator[RunningServer]:
    async with running_server(store, **reaching(authority)) as running:
        yield running
