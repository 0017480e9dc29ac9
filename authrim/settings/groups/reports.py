"""What compliance reports are made for."""

from pathlib import Path

from pydantic import BaseModel, Field


class Reports(BaseModel):
    """What compliance reports are made for."""

    report_frameworks: Path | None = Field(
        default=None,
        description="A folder with frameworks of your own, one TOML file each, beside those that are shipped. One with "
        "the same id takes the place of a shipped one.",
    )
