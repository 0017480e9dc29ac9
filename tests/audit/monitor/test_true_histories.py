"""Histories that keep every rule raise no alarm: random ones, decided by the domain's own functions."""

import asyncio
import os
from random import Random

from tests.audit.monitor.memory_monitor import MemoryMonitor
from tests.audit.past.histories import History
from tests.audit.past.memory_log import MemoryLog
from tests.domain.grant_samples import NOW

HISTORIES = int(os.environ.get("AUTHRIM_TEST_MONITORED", "2000"))
STEPS = 40


async def history(seed: int) -> MemoryLog:
    """Some steps of clients, people, administrators and time."""
    log = MemoryLog()
    written = History(log, seed, NOW)
    log.now = written.now
    await written.begin()
    for _ in range(STEPS):
        log.now = written.now
        await written.step()
    return log


def test_true_histories_raise_no_alarm() -> None:
    """A282: thousands of random histories, followed in pages of any size, are found to keep every rule."""

    async def check() -> int:
        events = 0
        for seed in range(HISTORIES):
            random, log = Random(seed), await history(seed)
            monitor = MemoryMonitor(log)
            assert monitor.run(random.choice((2, 10, 50, 500))) == [], f"history {seed}"
            events += len(log.log)
        return events

    assert asyncio.run(check()) > 50 * HISTORIES


def test_histories_have_what_rules_speak_of() -> None:
    """The histories contain every kind of event that leads to a token, and every kind of end."""

    async def types() -> set[str]:
        return {event.type for seed in range(200) for event in (await history(seed)).log}

    assert asyncio.run(types()) >= {
        "grant.code_issued.v1", "grant.code_redeemed.v1", "grant.refresh_token_rotated.v1",
        "grant.refresh_token_repeated.v1", "grant.client_credentials_granted.v1",
        "grant.access_token_revoked.v1", "grant.revoked.v1", "grant.authorization_refused.v1",
        "session.ended.v1", "account.disabled.v1", "account.person_erased.v1", "account.grants_ended.v1",
        "client.disabled.v1", "client.deleted.v1", "client.updated.v1",
    }  # fmt: skip
