"""What an auditor finds in the log of a running server."""

from authrim.audit.timeline import why
from authrim.store import codec
from domain.event import Event, tag_of
from domain.stream import DEFAULT_TENANT, GRANT, grant_stream
from tests.support.running import RunningServer

_ALL = 10_000


async def whole_log(server: RunningServer) -> str:
    """Every stream name, payload and metadata of the log as one text, to look for what must not be there."""
    events = await server.core.store.read_log(0, _ALL)
    assert len(events) < _ALL
    return "\n".join(f"{e.stream} {e.payload.decode()} {e.metadata.decode()}" for e in events)


async def grant_events(server: RunningServer, code: str) -> list[Event]:
    """The events of the grant that an authorization code belongs to."""
    stream = grant_stream(DEFAULT_TENANT, code.split(".")[1])
    return list(codec.decode_stream(GRANT, await server.core.store.read_stream(stream)))


async def count_events(server: RunningServer, code: str, kind: type[Event]) -> int:
    """How many events of one kind the code's grant has."""
    return sum(isinstance(event, kind) for event in await grant_events(server, code))


async def reason_of(server: RunningServer, error_id: str) -> str:
    """Why a request was refused, as the log explains the error id to an auditor."""
    explained = await why(server.core.store, error_id)
    assert explained is not None, "the error id leads nowhere"
    return explained.refusal.reason or explained.refusal.description


async def events_of_type(server: RunningServer, kind: type[Event]) -> list[Event]:
    """All events of one kind, in the log's order."""
    stored = await server.core.store.read_log(0, _ALL)
    assert len(stored) < _ALL
    return [
        codec.decode(event.stream.split(":")[1], event.type, event.payload)
        for event in stored
        if event.type == tag_of(kind)
    ]
