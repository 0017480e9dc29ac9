"""The claims that are defined, read from their stream: by the server, and by administrators' commands."""

from authrim.core.stream_state import read_state
from authrim.store.contract import Store
from domain.claim.catalogue import Catalogue, catalogue_of
from domain.claim.definitions import fold
from domain.stream import claims_stream


async def read_catalogue(store: Store, tenant: str) -> Catalogue:
    """The claims that there are now. Raises UnreadableEvent."""
    return catalogue_of((await read_state(store, claims_stream(tenant), fold)).state)
