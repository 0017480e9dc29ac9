"""The log lines of commands that run until they are stopped."""

import logging

from authrim.outside import telemetry
from authrim.settings import Settings


def send_log_lines(settings: Settings) -> None:
    """Send log lines to standard error, as the settings say."""
    telemetry.configure(
        development=settings.log_format == "pretty", level=getattr(logging, settings.log_level.upper())
    )
