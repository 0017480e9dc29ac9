"""Clients and faults at once, by chance, and what the clients saw held against the log."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import postgres_cluster
from tests.faults.history.run import Plan, Result, run
from tests.postgres_cluster import Cluster


@pytest.fixture
async def own_cluster() -> AsyncIterator[Cluster]:
    """A cluster that may crash."""
    cluster = await asyncio.to_thread(postgres_cluster.start)
    yield cluster
    await asyncio.to_thread(postgres_cluster.stop, cluster)


def sound(result: Result, plan: Plan) -> bool:
    """Whether nothing was wrong; prints what was done, and the seed that does it again."""
    print(f"seed {plan.seed}: {result.faults}, {result.calls}, {result.events} events")
    assert not result.violations, (plan.seed, result.violations[:10])
    assert not result.not_proved, (plan.seed, result.not_proved)
    return result.events > plan.clients and sum(result.faults.values()) > 0


async def test_a_history_on_sqlite(tmp_path: Path) -> None:
    """F01, F02, F10, F11, F14 to F17, F26, F33: while the server dies, stops, stands still and has no room, no code or
    refresh token is taken twice, all that was answered is in the log, what was revoked stays dead, and nothing dies
    without a cause."""
    plan = Plan(random.SystemRandom().randrange(2**32), 7)
    assert sound(await run(plan, tmp_path), plan)


async def test_a_history_on_postgresql(own_cluster: Cluster, tmp_path: Path) -> None:
    """F01 to F04, F08 to F10, F13 to F17, F26, F33: likewise over two processes, one with a clock that jumps, while
    PostgreSQL crashes and stands still and the network to it cuts, drops, delays and loses what is sent."""
    plan = Plan(random.SystemRandom().randrange(2**32), 12)
    assert sound(await run(plan, tmp_path, own_cluster), plan)
