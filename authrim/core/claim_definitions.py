"""The definitions of claims, read from their stream: by the server, and by an administrator's command."""

from typing import NamedTuple

from authrim.store import codec
from authrim.store.contract import Store
from domain.claim.catalogue import Catalogue, catalogue_of
from domain.claim.definitions import Definitions, fold
from domain.stream import CLAIM, claims_stream
from domain.units import MICROSECONDS


class DefinitionsRead(NamedTuple):
    """The definitions, the version they were read at, and the database's clock in seconds."""

    definitions: Definitions
    version: int
    now: int


async def read_definitions(store: Store, tenant: str) -> DefinitionsRead:
    """All definitions as they are now. Raises UnreadableEvent."""
    read = await store.read_stream(claims_stream(tenant))
    return DefinitionsRead(fold(codec.decode_stream(CLAIM, read)), read.version, read.now // MICROSECONDS)


async def read_catalogue(store: Store, tenant: str) -> Catalogue:
    """The claims that there are now. Raises UnreadableEvent."""
    return catalogue_of((await read_definitions(store, tenant)).definitions)
