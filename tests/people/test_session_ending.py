"""Ending sessions for an administrator, while others change them."""

import pytest

from authrim.core.execute import Change, Outcome, carry_out
from authrim.people.sessions.end import end_one, end_sessions
from authrim.store import codec
from authrim.store.contract import Store
from domain.errors import Refusal
from domain.person.session import fold
from domain.person.session_events import SessionReauthenticated, SessionStarted
from domain.stream import DEFAULT_TENANT, SESSION, session_stream

STREAM = session_stream(DEFAULT_TENANT, "busy")
STARTED = SessionStarted("ada", "hash", 1, "acr", ("pwd",), 2_000_000_000)
AGAIN = SessionReauthenticated("hash", 2, "acr", ("pwd",), 2_000_000_000)


async def test_a_session_that_could_not_be_ended_is_not_said_to_be(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A188: who is overtaken at every attempt is told so, because the session goes on."""
    read_stream = store.read_stream
    overtaking = True

    async def read_and_overtake(stream: str) -> object:
        nonlocal overtaking
        read = await read_stream(stream)
        if overtaking:
            session = fold(codec.decode_stream(SESSION, read))
            change = Change(STREAM, read.version, (AGAIN if read.version else STARTED,), session)

            async def attempt() -> Outcome[None]:
                return Outcome(None, (change,))

            assert await carry_out(store, DEFAULT_TENANT, attempt) is None
        return read

    monkeypatch.setattr(store, "read_stream", read_and_overtake)
    await store.read_stream(STREAM)
    for ended in (
        await end_one(store, DEFAULT_TENANT, "busy", "administrator"),
        await end_sessions(store, DEFAULT_TENANT, "ada", "administrator"),
    ):
        assert isinstance(ended, Refusal)
        assert ended.error == "temporarily_unavailable"
    overtaking = False
    assert await end_sessions(store, DEFAULT_TENANT, "ada", "administrator") == 1
