"""Proof that the database is sealed under the configured master keys, before anything is written.

There is one canary per master key: a row that the first start with that key seals under it. One more canary is sealed
under the oldest key, which makes the pairwise subjects, until that key leaves the settings. Every process that needs
the keys opens all canaries first, and what is kept of keys that have left. In a database from before the canaries, the
data keys serve for the proof.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal

from authrim.core.execute import Change, append_of
from authrim.core.kept_master_keys import is_kept_row, remember_kept
from authrim.core.origin import own_origin
from authrim.core.sealed_rows import CLIENT, DATA_KEY, GRANT, MASTER, SIGNING_KEY, SUBJECT
from authrim.core.stream_state import read_state
from authrim.crypto import sealing
from authrim.crypto.master import MasterKeys
from authrim.crypto.sealing import SealBroken
from authrim.settings import Settings
from authrim.store.contract import Conflict, Store, Unavailable
from domain.errors import Refusal
from domain.setting import settings
from domain.setting.events import MasterKeyGivenUp
from domain.stream import DEFAULT_TENANT, setting_stream
from projections.rows import Row
from projections.tables import SEALED, sealed_key

_PROOF: Final = "proof"
_OLDEST: Final = "oldest"
#: The rows of the master keys are of the installation: its first tenant holds them.
_PREFIX: Final = sealed_key(DEFAULT_TENANT, MASTER, "", "")[:-1]

#: Rows of the master keys that are read together: there are few, and behind them begin the rows of people.
_PAGE: Final = 16
#: Rows of each kind that are asked where there is no canary.
_ASKED: Final = 200
#: How often another process may be faster before we give up.
_ATTEMPTS: Final = 5

KEY_IS_THERE: Final = Refusal(
    "invalid_request",
    "This master key is configured.",
    hint="Only a key that is lost is given up.",
    reason="key_exists",
)

NO_SUCH_KEY: Final = Refusal(
    "invalid_request",
    "Nothing is sealed under such a master key.",
    hint="A refused start names the id.",
    reason="key_unknown",
)


class WrongMasterKeys(Exception):
    """The configured master keys do not open the sealed rows. The text says which key is missing and what to do. It
    contains ids of keys, never a key."""

    def __init__(self, master: MasterKeys, wanted: Iterable[str]) -> None:
        self.wanted = tuple(sorted(wanted))
        super().__init__(
            f"the database is sealed under the master key {', '.join(self.wanted)}, which is not among those given "
            f"({', '.join(master.key_ids)}): put it back, behind the newer ones. Nothing was written. When it is lost "
            f"for good, what it sealed is lost too; `authrim keys give-up-master {self.wanted[0]}` goes on without it"
        )


class OldestMasterKeyMoved(WrongMasterKeys):
    """The last master key is not the one that existing pairwise subjects were made with."""

    def __init__(self, master: MasterKeys, oldest: str) -> None:
        Exception.__init__(
            self,
            f"the last master key must be {oldest}, with which pairwise subjects are made, and is "
            f"{master.last_id}: put the keys in the order from the newest to the oldest. Nothing was written",
        )
        self.wanted = (oldest,)


def master_keys_of(settings: Settings) -> MasterKeys:
    """The master keys that are configured. Raises MasterKeyRefused."""
    return MasterKeys.from_settings(settings.master_key_texts, settings.next_master_key_text)


async def prove_master_keys(store: Store, master: MasterKeys, given_up: Collection[str] = ()) -> None:
    """Prove that ``master`` opens the sealed rows, and write a canary for each key that has none. ``master`` gets to
    know what is kept of keys that have left.

    Raises WrongMasterKeys before anything is written. The canaries of the lost keys ``given_up`` are deleted.
    """
    for _ in range(_ATTEMPTS):
        canaries = await read_canaries(store)
        if canaries:
            rows = _proved(master, canaries, given_up)
        else:
            rows = _first_rows(master, await _ids_in_use(store, master), given_up)
        if not rows:
            return
        changes = await _giving_up(store, given_up)
        metadata = own_origin(DEFAULT_TENANT, "admin" if changes else "system").metadata()
        try:
            await store.append(append_of(changes, metadata, rows=rows))
        except Conflict:
            continue  # another process left one first, perhaps of another key
        return
    raise Unavailable("the canaries of the master keys keep changing: try again")


async def sealing_key_ids(store: Store) -> frozenset[str]:
    """The ids of the master keys that the database is sealed under; empty before the first start of a server."""
    return frozenset(sealing.master_key_of(sealed) for sealed in (await read_canaries(store)).values())


async def are_proved(store: Store, master: MasterKeys) -> bool:
    """Whether something in the database shows that ``master`` are its keys. Nothing is written; False when nothing is
    sealed yet. ``master`` gets to know what is kept of keys that have left. Raises WrongMasterKeys."""
    canaries = await read_canaries(store)
    if canaries:
        _proved(master, canaries, ())
        return True
    in_use = await _ids_in_use(store, master)
    _first_rows(master, in_use, ())
    return bool(in_use)


async def give_up_master_key(store: Store, master: MasterKeys, key_id: str) -> str | Refusal:
    """Go on without a lost master key. What it sealed is lost too."""
    if key_id in master.key_ids:
        return KEY_IS_THERE
    canaries = await read_canaries(store)
    known = {sealing.master_key_of(sealed) for sealed in canaries.values()}
    if key_id not in (known or await _ids_in_use(store, master)):
        return NO_SUCH_KEY
    await prove_master_keys(store, master, {key_id})
    return key_id


async def _giving_up(store: Store, given_up: Collection[str]) -> tuple[Change, ...]:
    """The record that an administrator goes on without these keys."""
    if not given_up:
        return ()
    stream = setting_stream(DEFAULT_TENANT)
    read = await read_state(store, stream, settings.fold)
    events = tuple(MasterKeyGivenUp(key_id, read.now) for key_id in sorted(given_up))
    return (Change(stream, read.version, events),)


def _proved(master: MasterKeys, canaries: Mapping[str, bytes], given_up: Collection[str]) -> tuple[Row, ...]:
    """The rows to write when every canary opens."""
    wanted = {sealing.master_key_of(sealed) for sealed in canaries.values()} - {*master.key_ids, *given_up}
    if wanted:
        raise WrongMasterKeys(master, wanted)
    for key, sealed in canaries.items():
        if sealing.master_key_of(sealed) not in given_up and not _opens(master, key, sealed):
            raise WrongMasterKeys(master, {sealing.master_key_of(sealed)})
    of_keys = {key: sealing.master_key_of(sealed) for key, sealed in canaries.items()}
    remember_kept(
        master,
        {
            key: canaries[key]
            for key, key_id in of_keys.items()
            if is_kept_row(key) and key_id not in given_up
        },
    )
    oldest = of_keys.pop(OLDEST_CANARY, "")
    if oldest not in {"", master.last_id, *given_up} and not master.is_oldest_kept:
        raise OldestMasterKeyMoved(master, oldest)
    rows = [Row(SEALED.name, "drop", {"key": key}) for key, key_id in of_keys.items() if key_id in given_up]
    if canary_of(master.current_id) not in of_keys:
        rows.append(_canary(master, master.current_id))
    if oldest != master.last_id and not master.is_oldest_kept:
        rows.append(_oldest(master, "put" if oldest else "claim"))
    return tuple(rows)


def _first_rows(master: MasterKeys, in_use: Collection[str], given_up: Collection[str]) -> tuple[Row, ...]:
    """The first canaries of a database: of its current key and of those that sealed what is there already."""
    wanted = set(in_use) - {*master.key_ids, *given_up}
    if wanted:
        raise WrongMasterKeys(master, wanted)
    sealing_now = {master.current_id, *in_use} - set(given_up)
    return (*(_canary(master, key_id) for key_id in sorted(sealing_now)), _oldest(master))


async def read_canaries(store: Store) -> dict[str, bytes]:
    """The rows of the master keys: the canaries, and what is kept of keys that have left."""
    found: dict[str, bytes] = {}
    after = _PREFIX
    while rows := await store.read_rows(SEALED.name, after, _PAGE):
        for row in rows:
            if not row["key"].startswith(_PREFIX):
                return found
            found[row["key"]] = bytes(row["ciphertext"])
        after = rows[-1]["key"]
    return found


async def _ids_in_use(store: Store, master: MasterKeys) -> set[str]:
    """The ids of the master keys that data keys are wrapped under, of some owners of each kind.

    A data key that is damaged proves nothing: its id is believed when it is not one of ours, or when it opens.
    """
    ids: set[str] = set()
    for kind in (SIGNING_KEY, CLIENT, SUBJECT, GRANT):
        prefix = sealed_key(DEFAULT_TENANT, kind, "", "")[:-1]
        rows = await store.read_rows(SEALED.name, prefix, _ASKED)
        ids |= {
            key_id
            for row in _data_keys(rows, prefix)
            if (key_id := sealing.master_key_of(row[1]))
            and (key_id not in master.key_ids or _opens(master, *row))
        }
    return ids


def _data_keys(rows: Sequence[Mapping[str, object]], prefix: str) -> list[tuple[str, bytes]]:
    found = [(str(row["key"]), row["ciphertext"]) for row in rows]
    return [
        (key, bytes(sealed))
        for key, sealed in found
        if isinstance(sealed, bytes) and key.startswith(prefix) and key.endswith(f":{DATA_KEY}")
    ]


def _opens(master: MasterKeys, key: str, sealed: bytes) -> bool:
    try:
        sealing.unwrap(master, key, sealed)
    except SealBroken:
        return False
    return True


def canary_of(name: str) -> str:
    """The key of the row that is sealed under the master key of that id."""
    return sealed_key(DEFAULT_TENANT, MASTER, name, _PROOF)


#: The key of the row that is sealed under the oldest master key.
OLDEST_CANARY: Final = canary_of(_OLDEST)


def _canary(master: MasterKeys, key_id: str) -> Row:
    return _row(master, canary_of(key_id), key_id, "claim")


def _oldest(master: MasterKeys, operation: Literal["claim", "put"] = "claim") -> Row:
    return _row(master, OLDEST_CANARY, master.last_id, operation)


def _row(master: MasterKeys, key: str, key_id: str, operation: Literal["claim", "put"]) -> Row:
    sealed = sealing.wrap(master, key, sealing.new_data_key(), key_id)
    return Row(SEALED.name, operation, {"key": key, "tenant": DEFAULT_TENANT, "ciphertext": sealed})
