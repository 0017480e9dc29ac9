"""The cost of a password check (argon2id), for the server and for an attacker."""

from pydantic import Field

from authrim.settings.kinds import Count, Group, KibiBytes


class Passwords(Group):
    """The cost of a password check (argon2id), for the server and for an attacker."""

    argon2_memory: KibiBytes = Field(
        default=19_456, ge=8192, le=4_194_304, description="The memory of one password check."
    )
    argon2_time_cost: Count = Field(
        default=2, ge=1, le=20, description="The number of passes over that memory."
    )
    argon2_parallelism: Count = Field(default=1, ge=1, le=16, description="Lanes of one password check.")
    password_workers: Count = Field(
        default=2, ge=1, le=64, description="How many password checks run at once in one process."
    )
    password_queue_limit: Count = Field(
        default=64, ge=1, le=4096, description="How many password checks may wait. Further sign-ins get 503."
    )
