"""The keys that sign checkpoints, and nothing else: an event with the public half, a sealed row with the other."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.signed_note import ED25519, NoteKey, read_note_key
from authrim.settings import Settings
from authrim.store import codec
from authrim.store.contract import Store, StreamRead, Unavailable
from domain.errors import Refusal
from domain.event import Event
from domain.log_events import CheckpointKeyCreated
from domain.stream import DEFAULT_TENANT, LOG, checkpoint_key_stream
from domain.units import MICROSECONDS

#: The owner kind of their sealed rows. An owner is the key id.
CHECKPOINT_KEY: Final = "checkpoint_key"
_PRIVATE_HALF: Final = "private"


class CheckpointKey(NamedTuple):
    """A key that can sign."""

    public: NoteKey
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"CheckpointKey({self.public.name})"


def log_name(settings: Settings) -> str:
    """The name of the log, the first line of its checkpoints: where its tiles are, without the scheme."""
    if settings.log_name is not None:
        return settings.log_name
    url = urlsplit(settings.issuer)
    return f"{url.netloc}{url.path}/transparency"


class CheckpointKeys:
    """The keys of one log, oldest first."""

    def __init__(self, store: Store, private: PrivateData, name: str) -> None:
        self._store = store
        self._private = private
        self._name = name

    async def public(self) -> tuple[NoteKey, ...]:
        """All that ever signed, under whatever name."""
        return await public_keys(self._store)

    async def signer(self) -> CheckpointKey:
        """The newest key of this name; it is made when there is none. Raises Unavailable."""
        key = self._newest(await self.public()) or await self._make(only_first=True)
        if isinstance(key, Refusal):
            raise Unavailable("no checkpoint key could be made: other processes keep making one")
        return await self._opened(key)

    async def create(self) -> NoteKey | Refusal:
        """Make a new key, which signs from now on."""
        return await self._make(only_first=False)

    async def _make(self, *, only_first: bool) -> NoteKey | Refusal:
        """Make a key. ``only_first``: unless another process has made one by now, which it is then."""
        private = Ed25519PrivateKey.generate()
        public = NoteKey(self._name, ED25519, private.public_key().public_bytes_raw())
        stream = checkpoint_key_stream(DEFAULT_TENANT)

        async def attempt() -> Outcome[NoteKey]:
            keys, read = await self._read()
            newest = self._newest(keys)
            if only_first and newest is not None:
                return Outcome(newest)
            event = CheckpointKeyCreated(public.encoded(), read.now // MICROSECONDS)
            values = {_PRIVATE_HALF: private.private_bytes_raw()}
            rows = self._private.first_rows(DEFAULT_TENANT, CHECKPOINT_KEY, public.key_id.hex(), values)
            return Outcome(public, (Change(stream, read.version, (event,)),), rows)

        return await carry_out(self._store, DEFAULT_TENANT, attempt, "system")

    def _newest(self, keys: Sequence[NoteKey]) -> NoteKey | None:
        return next((key for key in keys[::-1] if key.name == self._name), None)

    async def _opened(self, key: NoteKey) -> CheckpointKey:
        private = await self._private.open(DEFAULT_TENANT, CHECKPOINT_KEY, key.key_id.hex(), _PRIVATE_HALF)
        if private is None:
            raise Unavailable("the private half of the checkpoint key is missing: make a new one")
        loaded = await asyncio.to_thread(Ed25519PrivateKey.from_private_bytes, private)
        return CheckpointKey(key, loaded)

    async def _read(self) -> tuple[tuple[NoteKey, ...], StreamRead]:
        read = await self._store.read_stream(checkpoint_key_stream(DEFAULT_TENANT))
        events = codec.decode_stream(LOG, read)
        return _keys_in(events), read


async def public_keys(store: Store) -> tuple[NoteKey, ...]:
    """The public halves of all keys that ever signed checkpoints of a log, the oldest first."""
    return _keys_in(codec.decode_stream(LOG, await store.read_stream(checkpoint_key_stream(DEFAULT_TENANT))))


def _keys_in(events: Iterable[Event]) -> tuple[NoteKey, ...]:
    keys = [read_note_key(event.verifier_key) for event in events if isinstance(event, CheckpointKeyCreated)]
    return tuple(key for key in keys if key is not None)
