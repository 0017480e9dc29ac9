"""The log lines that the process writes to standard error."""

from pydantic import Field

from authrim.settings.kinds import Count, Group, LogFormat, LogLevel


class Output(Group):
    """The log lines that the process writes to standard error."""

    log_format: LogFormat = Field(
        default="json",
        description="`json` writes one object per line, `ecs` the same with the names of the Elastic Common Schema, "
        "`pretty` is for reading in a terminal.",
    )
    log_level: LogLevel = Field(
        default="info", description="The lowest level that is written. SIGHUP reads it again."
    )
    log_sample: Count = Field(
        default=1,
        ge=1,
        le=10_000,
        description="One of how many lines about requests is written, if the request succeeded within a second. Such a "
        "line then has a field `sample` with this number. All others are always written. SIGHUP reads it again.",
    )
