"""Clients and faults at once, by chance, and what the clients saw held against the log."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from authrim.store.sqlite.schema import migrate_sqlite
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
    """F01, F02, F14 to F17, F26: under ``kill -9`` and stopped processes, no code or refresh token is taken twice, all
    that was answered is in the log, what was revoked stays dead, and nothing dies without a cause."""
    place = tmp_path / "authrim.db"
    migrate_sqlite(place)
    plan = Plan(random.SystemRandom().randrange(2**32), 10)
    assert sound(await run(plan, tmp_path, sqlite=place), plan)


async def test_a_history_on_postgresql(own_cluster: Cluster, tmp_path: Path) -> None:
    """F01 to F04, F08, F09, F14 to F17, F26: likewise over two processes, while PostgreSQL crashes and the network to
    it cuts, drops and loses what is sent."""
    plan = Plan(random.SystemRandom().randrange(2**32), 15)
    assert sound(await run(plan, tmp_path, cluster=own_cluster), plan)
