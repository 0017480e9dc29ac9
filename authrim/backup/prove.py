"""Proves a restored database: its log, its tables, and that tokens are answered as the log says."""

from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from typing import Final

import msgspec

from authrim.audit import rebuild
from authrim.audit.archives.folder import BadArchive
from authrim.audit.archives.log import archives_at
from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.selection import batch_of
from authrim.audit.leaves import verify_log
from authrim.audit.past.moments import Moment
from authrim.audit.past.reading import Past
from authrim.audit.past.tokens import token_then
from authrim.audit.rebuild import ARCHIVED
from authrim.audit.tree import TreeFollower
from authrim.backup.manifest import Manifest
from authrim.core.clients_and_keys import Configuration
from authrim.core.signing_keys import key_times_of
from authrim.settings import Settings
from authrim.store import codec
from authrim.store.dropped import is_dropped
from authrim.store.read_back import ReadBack
from authrim.store.tree_sql import LogDiffers
from authrim.tokens.access_tokens import AccessTokens, PresentedToken
from authrim.transparency.keys import public_keys
from authrim.transparency.proofs import read_root
from domain import stream as streams
from domain.client.client import NO_CLIENT
from domain.event import tag_of
from domain.grant.events import AccessTokenIssued
from domain.stream import DEFAULT_TENANT
from domain.tree.proofs import MissingTile

Progress = Callable[[int, int], None]

#: Access tokens that are looked at, and how many events are read at each place where some are looked for.
SAMPLE: Final = 200
_EVENTS: Final = 50
_ISSUED: Final = tag_of(AccessTokenIssued)


class Proof(msgspec.Struct, frozen=True):
    """What was found. ``tokens`` were looked at, ``active`` of them are. Without ``faults``, all of it holds."""

    position: int
    chain_hash: str
    tables: int
    tokens: int
    active: int
    faults: tuple[str, ...]


async def prove(
    store: ReadBack,
    settings: Settings,
    configuration: Configuration,
    manifest: Manifest | None,
    progress: Progress,
) -> Proof:
    """Walk the hash chain, replay the log into every table, compare with the manifest, and ask for tokens. Nothing is
    corrected. Raises Unavailable."""
    verified = await verify_log(store, progress)
    faults = []
    if verified.problem is not None:
        faults.append(f"the log: {verified.problem}")
    elif manifest is not None:
        faults += await _against(store, manifest)
    tables, wrong_rows = await _replayed(store, settings.log_archives, progress)
    faults += wrong_rows
    tokens = active = 0
    if not faults:
        tokens, active, wrong = await _ask_for_tokens(store, settings, configuration)
        faults += wrong
    return Proof(verified.events, verified.chain_hash.hex(), tables, tokens, active, tuple(faults))


async def _replayed(store: ReadBack, archives: Path | None, progress: Progress) -> tuple[int, list[str]]:
    """How many tables were compared with the log, and what is wrong. None are when contents of the log are in archives
    and the setting ``log_archives`` does not name them."""
    try:
        with archives_at(store, archives) as archived:
            report = await rebuild.verify(store, progress, archives=archived)
    except BadArchive as bad:
        return 0, [f"the archives: {bad}"]
    if any(one.kind == ARCHIVED for one in report.unreadable):
        return 0, []
    faults = [f"the table {one.table}: a row is not what the log says" for one in report.differences[:1]]
    faults += [f"position {one.position} cannot be read" for one in report.unreadable[:1]]
    return len(report.tables), faults


async def _against(store: ReadBack, manifest: Manifest) -> list[str]:
    """Whether the log has the events of the backup, and perhaps more, where it was restored by other tools."""
    head = (await store.head()).position
    if head < manifest.position:
        return [f"the log ends at position {head}, and that of the backup at {manifest.position}"]
    try:
        batch = await batch_of(store, manifest.position)
        await TreeFollower(store).catch_up()
        root = await read_root(store.tree, manifest.position)
    except (Damaged, LogDiffers, MissingTile) as damaged:
        return [f"the log: {damaged}"]
    faults = []
    if (batch.last_position, batch.chain_hash.hex()) != (manifest.position, manifest.chain_hash):
        faults.append(f"the chain hash at position {manifest.position} is not the one of the backup")
    if root.hex() != manifest.root:
        faults.append(f"the tree over the first {manifest.position} events is not the one that was signed")
    if manifest.key not in [key.encoded() for key in await public_keys(store)]:
        faults.append("the key that signed the backup is none of this log")
    return faults


async def _ask_for_tokens(
    store: ReadBack, settings: Settings, configuration: Configuration
) -> tuple[int, int, list[str]]:
    """Ask for access tokens as introspection does, by rows; and as an auditor does, by the log alone."""
    tokens = AccessTokens(store, configuration, configuration.key_ring, settings.issuer)
    found = await _some_tokens(store)
    active = 0
    for grant_id, issued in found:
        by_log = await _held(store, settings, grant_id, issued.token_id)
        by_rows = await tokens.again(
            DEFAULT_TENANT, PresentedToken(grant_id, issued, NO_CLIENT, "", revoked=False)
        )
        answered = by_rows is not None and by_rows.is_active
        # A token may expire between the two questions.
        if answered != by_log and answered != await _held(store, settings, grant_id, issued.token_id):
            return len(found), active, [f"a token of the grant {grant_id} is not answered as the log says"]
        active += answered
    return len(found), active, []


async def _held(store: ReadBack, settings: Settings, grant_id: str, token_id: str) -> bool:
    head = await store.head()
    past = Past(store, DEFAULT_TENANT, Moment(head.position, head.now), key_times_of(settings))
    then = await token_then(past, grant_id, token_id)
    return then is not None and not then.why_inactive


async def _some_tokens(store: ReadBack) -> list[tuple[str, AccessTokenIssued]]:
    """Access tokens of the newest events, and from places all over the log."""
    head = (await store.head()).position
    chosen = SystemRandom()
    places = [max(0, head - _EVENTS), *(chosen.randrange(head) for _ in range(SAMPLE if head else 0))]
    found: dict[tuple[str, str], AccessTokenIssued] = {}
    for place in places:
        for stored in await store.read_log(place, _EVENTS):
            read = stored.type == _ISSUED and not is_dropped(stored)
            stream = streams.parse(stored.stream) if read else None
            if stream is not None and stream.kind == streams.GRANT and stream.tenant == DEFAULT_TENANT:
                event = codec.decode(stream.kind, stored.type, stored.payload)
                assert isinstance(event, AccessTokenIssued)
                found[stream.id, event.token_id] = event
        if len(found) >= SAMPLE:
            break
    return [(grant_id, issued) for (grant_id, _), issued in found.items()][:SAMPLE]
