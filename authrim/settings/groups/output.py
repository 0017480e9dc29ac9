"""The log lines that the process writes to standard error."""

from pydantic import BaseModel, Field

from authrim.settings.kinds import LogFormat, LogLevel


class Output(BaseModel):
    """The log lines that the process writes to standard error."""

    log_format: LogFormat = Field(
        default="json",
        description="`json` writes one object per line, `pretty` is for reading in a terminal.",
    )
    log_level: LogLevel = Field(default="info", description="The lowest level that is written.")
