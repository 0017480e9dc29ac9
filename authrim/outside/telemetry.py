"""Log lines: JSON on standard error in ``serve``, plain or with the names of ECS, and readable ones in ``dev``.

Whatever text reaches a line is scrubbed (A226): control characters, escape sequences and bidirectional marks
are written as escapes, and no field is longer than 1 KiB. A traceback is never written, since it quotes
exception texts that may quote a request; an exception is named by its type.
"""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from authrim.metrics.catalogue import LOG_LINES
from authrim.outside.ecs import in_ecs
from authrim.outside.log_lines import LineWriter

MAX_FIELD_BYTES = 1024

# A character takes at most four bytes in UTF-8, so a text this short needs no count.
_SURELY_SHORT = MAX_FIELD_BYTES // 4
_HOLDS_NO_TEXT = frozenset((bool, int, float, datetime, type(None)))


#: The methods of every logger. ``set_level`` changes them, so that loggers which exist already follow, and a line that
#: is not written costs no more than an empty call.
_Methods: type[Any] = type("_Methods", (structlog.make_filtering_bound_logger(logging.NOTSET),), {})


def configure(line_format: str = "json", level: int = logging.INFO) -> None:
    """Send the log lines of structlog and of the libraries to standard error. Call it once, when a process starts.
    ``line_format`` is one of the values of the setting ``log_format``."""
    lines = LineWriter(sys.stderr.buffer)
    is_for_people = line_format == "pretty"
    renderers: dict[str, list[Any]] = {
        "json": [_as_json],
        "ecs": [in_ecs, _as_json],
        "pretty": [structlog.dev.ConsoleRenderer()],
    }
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _with_level_and_time,
            scrub,
            *renderers[line_format],
        ],
        wrapper_class=_Methods,
        logger_factory=structlog.PrintLoggerFactory(sys.stderr) if is_for_people else lambda *_names: lines,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_ToStructlog()], force=True)
    set_level(level)


def set_level(level: int) -> None:
    """Write the lines of ``level`` and above from now on. Libraries are heard from warnings on."""
    for name, method in vars(structlog.make_filtering_bound_logger(level)).items():
        if not name.startswith("__"):
            setattr(_Methods, name, method)
    logging.getLogger().setLevel(max(level, logging.WARNING))


def configure_command() -> None:
    """Send warnings to standard error. A command prints only its result on standard output."""
    structlog.configure(
        processors=[_with_level_and_time, scrub, structlog.dev.ConsoleRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _with_level_and_time(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    LOG_LINES.add(method)
    event["level"] = method
    event["timestamp"] = datetime.now(UTC)
    return event


def scrub(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The structlog processor that scrubs every line."""
    exception = event.pop("exc_info", None)
    if exception is not None:
        event["exception"] = _kind(exception)
    for name, value in event.items():
        kind = type(value)
        if kind is str:
            if len(value) > _SURELY_SHORT or not value.isprintable():
                event[name] = scrub_text(value)
        elif kind not in _HOLDS_NO_TEXT:
            event[name] = _scrub_value(value)
    return event


def scrub_text(text: str) -> str:
    """``text`` without characters that control a terminal or mislead a reader, cut to 1 KiB of UTF-8."""
    # Escaping only lengthens a text, so what is beyond the limit now is beyond it afterwards.
    return visible(text[:MAX_FIELD_BYTES]).encode("utf-8")[:MAX_FIELD_BYTES].decode("utf-8", "ignore")


def visible(text: str) -> str:
    """``text`` without characters that control a terminal or mislead a reader, in whole and on one line. They are
    escaped as in JSON, so that a document stays the same one (RFC 8259 §7)."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _scrub_value(value: object) -> object:
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return {scrub_text(str(name)): _scrub_value(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_scrub_value(item) for item in value]
    return value


def _kind(exception: object) -> str:
    """The type's name of an exception, given as structlog allows: itself, an ``exc_info`` tuple, or True."""
    if isinstance(exception, tuple):
        exception = exception[1]
    elif exception is True:
        exception = sys.exc_info()[1]
    return type(exception).__name__


def _type_name(value: object) -> str:
    return type(value).__name__


_encoder = msgspec.json.Encoder(enc_hook=_type_name)


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    return _encoder.encode(event)


class _ToStructlog(logging.Handler):
    """Takes the lines of asyncio, aiohttp and other libraries into our own format."""

    def emit(self, record: logging.LogRecord) -> None:
        more: dict[str, Any] = {"exc_info": record.exc_info} if record.exc_info else {}
        structlog.get_logger(record.name).log(
            record.levelno, record.getMessage(), library=record.name, **more
        )
