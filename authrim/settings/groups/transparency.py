"""Checkpoints of the log, their witnesses, and what is published of it."""

from pathlib import Path

from pydantic import Field

from authrim.settings.kinds import Count, Group, LogName, Seconds, Witnesses
from domain.units import DAY


class Transparency(Group):
    """Checkpoints of the log, their witnesses, and what is published of it."""

    publish_log_tree: bool = Field(
        default=False,
        description="Whether everybody may fetch the newest checkpoint and the tiles of the tree. They are "
        "hashes; how many events there are, and when, can be seen.",
    )
    log_name: LogName | None = Field(
        default=None,
        description="The name of the log in its checkpoints. Without it: the issuer without its scheme, and "
        "`/transparency`. Witnesses know the log by it.",
    )
    checkpoint_interval_seconds: Seconds = Field(
        default=300,
        ge=10,
        le=DAY,
        description="How often a checkpoint is signed, if the log has grown.",
    )
    checkpoint_state_file: Path | None = Field(
        default=None,
        description="A file outside the database that remembers the newest checkpoint. A server that finds an "
        "older log than that refuses to start. Keep it out of the backups of the database.",
    )
    witnesses: Witnesses = Field(
        default=(),
        description="Witnesses that cosign checkpoints (C2SP tlog-witness), each as its verifier key, a space "
        "and its URL.",
    )
    witness_quorum: Count = Field(
        default=0,
        ge=0,
        le=16,
        description="How many witnesses must have cosigned a checkpoint before it is published.",
    )
