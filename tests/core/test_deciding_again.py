"""A decision that was overtaken is made again: an administrator has some tries for it, a request patience."""

from time import monotonic

import pytest

from authrim.core.execute import ATTEMPTS, Change, Outcome, again, carry_out
from authrim.store.contract import Conflict, Store
from domain.errors import Refusal
from domain.person.session_events import SessionStarted
from domain.stream import DEFAULT_TENANT, session_stream
from projections.rows import Row

STARTED = SessionStarted("ada", "hash", 1, "acr", ("pwd",), 2_000_000_000)
LOOKED_AT = session_stream(DEFAULT_TENANT, "looked-at")
CHANGED = session_stream(DEFAULT_TENANT, "changed")


async def start(store: Store, stream: str) -> None:
    """Somebody else begins the session of that stream."""

    async def attempt() -> Outcome[None]:
        return Outcome(None, (Change(stream, 0, (STARTED,)),))

    assert await carry_out(store, DEFAULT_TENANT, attempt) is None


async def test_an_administrator_decides_anew_what_rests_on_a_stream_that_moved(store: Store) -> None:
    """A stream that a decision looked at and did not change counts as much as the one that it changes."""
    versions: list[int] = []

    async def attempt() -> Outcome[str]:
        version = (await store.read_stream(LOOKED_AT)).version
        versions.append(version)
        if version == 0:
            await start(store, LOOKED_AT)
        return Outcome("done", (Change(CHANGED, 0, (STARTED,)),), expects=((LOOKED_AT, version),))

    assert await carry_out(store, DEFAULT_TENANT, attempt) == "done"
    assert versions == [0, 1]


async def test_an_administrator_is_asked_to_come_back(store: Store) -> None:
    """Who is overtaken at each of the attempts is told so, and nothing was appended."""
    tried: list[int] = []
    await start(store, CHANGED)

    async def attempt() -> Outcome[str]:
        tried.append(1)
        return Outcome("done", (Change(CHANGED, 0, (STARTED,)),))

    refusal = await carry_out(store, DEFAULT_TENANT, attempt)
    assert isinstance(refusal, Refusal)
    assert (refusal.error, len(tried)) == ("temporarily_unavailable", ATTEMPTS)
    assert (await store.read_stream(CHANGED)).version == 1


async def test_a_claim_that_is_taken_is_not_decided_again(store: Store) -> None:
    """Its Conflict reaches the caller at the first attempt."""
    tried: list[int] = []

    async def attempt() -> Outcome[str]:
        tried.append(1)
        row = {"key": "default:ada", "tenant": DEFAULT_TENANT, "subject": f"s{len(tried)}"}
        return Outcome("done", rows=(Row("logins", "claim", row),))

    assert await carry_out(store, DEFAULT_TENANT, attempt) == "done"
    with pytest.raises(Conflict):
        await carry_out(store, DEFAULT_TENANT, attempt)
    assert len(tried) == 2


async def test_patience_ends_by_the_clock() -> None:
    """Without a number of tries the time alone ends it; none is begun after it."""
    tried: list[int] = []

    async def once() -> Outcome[str] | None:
        tried.append(1)
        return None

    assert await again(once, until=monotonic() - 1) is None
    assert tried == []
    assert await again(once, tries=2) is None
    assert len(tried) == 2
