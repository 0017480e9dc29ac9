"""Appends that the tests of the store are made with."""

from authrim.store.contract import Append, NewEvent, StreamAppend
from projections.rows import Row

METADATA = b'{"tenant":"default","actor":"client"}'


def new_event(number: int = 0) -> NewEvent:
    return NewEvent("grant.code_issued.v1", f'{{"type":"grant.code_issued.v1","number":{number}}}'.encode())


def grant_append(name: str, expected_version: int = 0, events: int = 1, rows: tuple[Row, ...] = ()) -> Append:
    """Some events for one grant stream."""
    new = tuple(new_event(number) for number in range(events))
    return Append((StreamAppend(f"default:grant:{name}", expected_version, new),), METADATA, rows)
