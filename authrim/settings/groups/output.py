"""What the process writes about itself, on standard error."""

from pydantic import BaseModel, Field

from authrim.settings.kinds import LogFormat, LogLevel


class Output(BaseModel):
    """What the process writes about itself, on standard error."""

    log_format: LogFormat = Field(
        default="json", description="`json` is one object a line, `pretty` is for reading in a terminal."
    )
    log_level: LogLevel = Field(default="info", description="The least important line that is written.")
