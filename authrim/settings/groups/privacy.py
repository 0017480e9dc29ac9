"""What protects people's data, and what proves that it was protected."""

from pathlib import Path

from pydantic import Field

from authrim.settings.kinds import Group, Seconds
from domain.units import DAY


class Privacy(Group):
    """Erasing people, and what is said of the use of their data."""

    erasure_delay_seconds: Seconds = Field(
        default=0,
        ge=0,
        le=28 * DAY,
        description="How long `authrim account erase` waits after somebody asked for it; run it again then. 0 erases "
        "at once. A month is the most that a person has to wait (GDPR Art. 12(3)).",
    )
    processing_file: Path | None = Field(
        default=None,
        description="A TOML file that declares who is responsible for people's data, and for which purposes which "
        "scopes are used ([audit/privacy.md](audit/privacy.md)). It is used by consent receipts and by "
        "`authrim privacy records`.",
    )
    erasure_two_persons: bool = Field(
        default=False,
        description="Whether `authrim account erase` needs two operators: one asks, another confirms by running it "
        "again. An operator is the user id that the command runs with, which the operating system vouches for.",
    )
