"""A flood of refused requests does not fill the log, from however many networks it comes (A225)."""

import pytest

from authrim.core import refusals
from authrim.store.contract import Store
from tests.support.log import whole_log
from tests.support.running import running_server

ONE_STORE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@ONE_STORE
async def test_a225_many_networks_write_no_more_than_some(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A225: refusals from 200 networks, one each: what is over the bound of the whole is counted in summary events."""
    monkeypatch.setattr(refusals, "RECORDED_IN_ALL", 50)
    async with running_server(store, trusted_proxies=("127.0.0.0/8", "::1/128")) as server:
        # A minute that does not turn while the test runs.
        monkeypatch.setattr(server.core.refusals, "_turn_minute", _same_minute)
        for number in range(200):
            source = {"X-Forwarded-For": f"2001:db8:{number:x}::1"}
            status, _ = await server.post("/token", {"grant_type": "authorization_code"}, source)
            assert status == 401
        await server.core.refusals.flush()
        written = (await whole_log(server)).splitlines()
        assert sum('"type":"refusal.request_refused.v1"' in line for line in written) == 50
        counted = [line for line in written if '"type":"refusal.counted.v1"' in line]
        assert len(counted) == 1
        assert '"count":150' in counted[0]


async def _same_minute(_minute: int) -> None:
    """The minute does not turn."""
