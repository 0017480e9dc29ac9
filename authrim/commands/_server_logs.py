"""The log lines of commands that run until they are stopped."""

import logging
from collections.abc import Callable
from typing import Any

import click
import structlog

from authrim.commands._common import UnusableSettings, settings_of
from authrim.outside import telemetry
from authrim.outside.sampling import REQUEST_LINES
from authrim.settings import Settings

log = structlog.get_logger(__name__)


def send_log_lines(settings: Settings) -> None:
    """Send log lines to standard error, as the settings say."""
    REQUEST_LINES.one_in = settings.log_sample
    telemetry.configure(settings.log_format, _level(settings))


def reread_log_settings(context: click.Context, **overrides: Any) -> Callable[[], None]:
    """What a signal does: read the settings again, and write the lines that they ask for from now on.

    Every other setting takes a restart. When the settings cannot be used, all stays as it is.
    """

    def reread() -> None:
        try:
            settings = settings_of(context, **overrides)
        except UnusableSettings as error:
            log.error("settings.not_reloaded", reason=error.message)
            return
        REQUEST_LINES.one_in = settings.log_sample
        telemetry.set_level(_level(settings))
        log.info("logs.reloaded", level=settings.log_level, sample=settings.log_sample)

    return reread


def _level(settings: Settings) -> int:
    return logging.getLevelNamesMapping()[settings.log_level.upper()]
