"""The part of the log that every process follows to keep its configuration in memory."""

import pytest

from authrim.store.contract import Append, NewEvent, Store, StreamAppend
from domain.stream import CONFIGURATION_KINDS, FOLLOWED_KINDS


@pytest.mark.parametrize("kind", sorted(FOLLOWED_KINDS))
async def test_every_kind_that_is_kept_in_memory_is_followed(store: Store, kind: str) -> None:
    """F31: no process misses a change of what it keeps, whatever kind it is; other streams are left out."""
    for number, one in enumerate((f"{kind}-like", kind, "grant", kind)):
        stream = StreamAppend(f"default:{one}:it{number}", 0, (NewEvent("an.event.v1", b"{}"),))
        await store.append(
            Append((stream,), b"{}", configuration=one == kind and kind in CONFIGURATION_KINDS)
        )
    followed = await store.read_log(0, 100, configuration_only=True)
    assert [event.stream for event in followed] == [f"default:{kind}:it1", f"default:{kind}:it3"]
    changed_at = followed[-1].position if kind in CONFIGURATION_KINDS else 0
    assert (await store.head()).changed_at == changed_at
