"""What was done to the log as a whole: keys of its checkpoints, checkpoints, an older log that was accepted, and
archived contents that left it."""

from domain.event import Event, registry


class CheckpointKeyCreated(Event, frozen=True, tag="log.checkpoint_key_created.v1"):
    """A key was made that signs checkpoints of the log and nothing else. ``verifier_key`` is its public half as C2SP
    signed-note has it: name, key id, key. The newest key signs."""

    verifier_key: str
    created_at: int


class CheckpointSigned(Event, frozen=True, tag="log.checkpoint_signed.v1"):
    """A checkpoint was signed: the root of the tree over the first ``size`` events. ``note`` is the whole signed note
    (C2SP tlog-checkpoint), ``witnesses`` are the names of those whose cosignatures are in it."""

    size: int
    note: str
    signed_at: int
    witnesses: tuple[str, ...] = ()


class RollbackAccepted(Event, frozen=True, tag="log.rollback_accepted.v1"):
    """An operator let the server start on a log that is older than one that was signed before, or another one, such as
    a restored backup. ``position`` is the last event of the accepted log, ``lost_size`` the size of the signed one,
    ``known_by`` who remembered it: ``state_file``, the name of a witness, what is made of the log beside it, or
    ``restored_backup`` where the database has the mark of a backup, whose size it is then. ``operator`` is a numeric
    user id. ``kept``: nothing else speaks for a longer log, and the operator let sessions and grants go on; else all of
    them ended before."""

    position: int
    lost_size: int
    known_by: str
    reason: str
    accepted_at: int
    operator: str = ""
    kept: bool = False


class ContentsDropped(Event, frozen=True, tag="log.contents_dropped.v1"):
    """Payload and metadata of ``events`` events of closed months, between two positions, begin to leave the log: they
    are in ``archives``, a line ``SHA-256 NAME`` for each file. ``digest``: SHA-256 over the ranges of their positions
    (docs/audit/archives.md). Their positions, streams, versions, types, times and leaf hashes stay."""

    first_position: int
    last_position: int
    events: int
    digest: str
    archives: tuple[str, ...]
    dropped_at: int
    reason: str = ""
    operator: str = ""


LOG_EVENTS = registry(CheckpointKeyCreated, CheckpointSigned, RollbackAccepted, ContentsDropped)
