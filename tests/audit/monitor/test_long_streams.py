"""Samples of rows whose streams are long."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from authrim.audit.monitor.monitor import Monitor
from authrim.core.execute import Change, append_of
from authrim.store.contract import StoredEvent
from authrim.store.read_back import ReadBack
from domain.person.account import NO_ACCOUNT
from domain.person.account_events import AccountCreated, PasswordSet
from domain.stream import ACCOUNT, DEFAULT_TENANT, account_stream, grant_stream
from projections.inline import STATE_PROJECTIONS
from tests.audit.monitor.test_rules import access
from tests.domain.grant_samples import ISSUER, NOW
from tests.store.log_samples import behind_its_back

METADATA = b'{"tenant":"default"}'


async def test_no_stream_is_too_long_for_a_sample(
    store: ReadBack, store_place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grant that is refreshed for years and an account with a long past cost a sample no more than others: the newest
    events are read, and rows that differ from those are still found."""
    read: list[int] = []
    whole = type(store).read_stream_end

    async def counted(self: ReadBack, stream: str, limit: int) -> Sequence[StoredEvent]:
        read.append(len(events := await whole(self, stream, limit)))
        return events

    monkeypatch.setattr(type(store), "read_stream_end", counted)
    monkeypatch.setattr("authrim.audit.monitor.sample.MOST_EVENTS", 4)
    grant, account = grant_stream(DEFAULT_TENANT, "long"), account_stream(DEFAULT_TENANT, "ada")
    state: Any = None
    for number in range(10):
        token = access(token_id=f"t{number}")
        await store.append(append_of((Change(grant, number, (token,)),), METADATA))
        event = AccountCreated("ada", NOW) if not number else PasswordSet(NOW + number)
        change = Change(account, number, (event,), state)
        await store.append(append_of((change,), METADATA))
        state = STATE_PROJECTIONS[ACCOUNT].apply(state or NO_ACCOUNT, event)
    monitor = Monitor(store, ISSUER)
    for _ in range(24):
        await monitor.sample()
    assert monitor.broken == {}
    behind_its_back(store_place, "UPDATE tokens SET client_id = 'other' WHERE key LIKE 'default:long:t_'")
    behind_its_back(store_place, "UPDATE accounts SET version = 9 WHERE key = 'default:ada'")
    for _ in range(24):
        await monitor.sample()
    found = [one.breach.about.rsplit(" ", 1)[0] for one in await store.monitor.breaches(100)]
    assert sorted(found) == [
        "accounts default:ada", *(f"tokens default:long:t{number}" for number in range(6, 10)),
    ]  # fmt: skip
    assert max(read) <= 4
