"""What compliance reports are made for, and which are written without anybody asking."""

from pathlib import Path

from pydantic import Field

from authrim.settings.kinds import Group, Names, Schedules


class Reports(Group):
    """What compliance reports are made for, and which are written without anybody asking."""

    report_frameworks: Path | None = Field(
        default=None,
        description="A folder with frameworks of your own, one TOML file each, beside those that are shipped. One with "
        "the same id takes the place of a shipped one.",
    )
    report_schedule: Schedules = Field(
        default=(),
        description="What `authrim report schedule` writes, and when: `0 6 1 * * soc2 month` is the report for SOC 2 "
        "on the month before, at 6:00 UTC of every first; `bundle` in place of a framework is the events with their "
        "proofs. Periods are `day`, `week`, `month`, `quarter` and `year`. In the environment, semicolons separate.",
    )
    log_archives: Path | None = Field(
        default=None,
        description="The directory of archives (`authrim log archive`) in which reports and replays read the contents "
        "that left the log (`authrim log drop`).",
    )
    report_directory: Path | None = Field(
        default=None,
        description="The folder in which scheduled reports and bundles are kept. Without it they are gone after "
        "`report_command`.",
    )
    report_command: Names = Field(
        default=(),
        description="A command, as a list of words, that gets each scheduled report or bundle: its path is added as "
        "the last word. No shell reads it. Another status than 0, or more than ten minutes, is a failure.",
    )
