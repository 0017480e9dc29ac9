"""A whole cluster on one machine loses its primary in each way that one machine can show, under load."""

import asyncio
import json
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.history.calls import Calls
from tests.operations.ha.scenarios import (
    Scenario,
    Told,
    hang_primary,
    hang_standby,
    kill_primary,
    restart_servers,
    run,
    switch_over,
)
from tests.operations.ha.stand import Stand, started

pytestmark = [pytest.mark.operations, pytest.mark.asyncio(loop_scope="module")]

#: Seconds.
_BACK = 30


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand() -> AsyncIterator[Stand]:
    """One cluster for the file, since it takes most of a minute to make one."""
    async with started() as stand:
        yield stand


@pytest.fixture(scope="module")
def calls() -> Calls:
    """What clients saw of this cluster in all tests: its log has all of it."""
    return Calls()


async def broken(stand: Stand, scenario: Scenario, calls: Calls) -> Told:
    """Run a scenario; nothing is lost, and writes are back in time."""
    seed = random.SystemRandom().randrange(2**32)
    told = await run(stand, scenario, seed, calls)
    print(f"seed {seed}: {told}")
    assert not told.violations, (seed, told.violations[:10])
    assert not told.not_proved, (seed, told.not_proved)
    assert told.done > 50
    assert told.away < _BACK
    return told


async def test_a_server_finds_all_of_the_database(stand: Stand) -> None:
    """F41: the doctor finds nothing wrong with the database, its pooler, its standbys and its replica, as the servers
    are set up, and what auditors read comes from a standby."""
    told = await asyncio.to_thread(stand.on_server, "doctor", "--json")
    lines = map(json.loads, told.stdout.splitlines())
    looked = {line["check"]: line["findings"] for line in lines if "check" in line}
    for name in ("database", "pooler", "durability", "replica", "sessions"):
        assert looked[name] == [], (name, looked[name])
    verified = await asyncio.to_thread(stand.on_server, "audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "Read from the replica" in verified.stderr


async def test_servers_are_restarted_without_a_failed_request(stand: Stand) -> None:
    """F20: two servers behind HAProxy are restarted one after the other, and every request is answered rightly."""
    assert (await restart_servers(stand)).requests > 50


async def test_the_primary_is_killed(stand: Stand, calls: Calls) -> None:
    """F06: PostgreSQL and Patroni of the primary are killed under load: nothing acknowledged is lost, writes are back
    within 30 seconds, and the old primary becomes a standby with the same log. It takes a minute, because Patroni waits
    20 seconds before it replaces a primary."""
    await broken(stand, kill_primary, calls)


async def test_the_primary_hangs_and_comes_back(stand: Stand, calls: Calls) -> None:
    """F06, F07: the primary hangs, another one is promoted, and the old one comes back as a primary: it refuses appends
    that name the new one, gets none from the servers, and becomes a standby with the same log. As long as the test
    before."""
    await broken(stand, hang_primary, calls)


async def test_a_planned_switchover(stand: Stand, calls: Calls) -> None:
    """F06: an operator changes the primary under load: nothing acknowledged is lost, and writes are back soon."""
    await broken(stand, switch_over, calls)


async def test_the_standby_hangs(stand: Stand, calls: Calls) -> None:
    """F06: one of the standbys that commits wait for hangs: the other one is enough, and what was acknowledged
    meanwhile is on two machines."""
    await broken(stand, hang_standby, calls)
