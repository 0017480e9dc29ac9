"""Options that several commands have alike, and how their values are read."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import click

from authrim.crypto import strict_json

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

limit_option: Final[Decorator] = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The maximum number."
)
log_reason_option: Final[Decorator] = click.option(
    "--reason", default="administrator", show_default=True, help="For the log; nothing personal."
)


def with_options(options: Iterable[Decorator]) -> Decorator:
    """Give a command some options, which ``--help`` lists in this order."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(tuple(options)):
            command = option(command)
        return command

    return decorated


def scope_values(texts: Iterable[str]) -> tuple[str, ...]:
    """The values of ``--scope``, which is repeated or separated by spaces, each once."""
    return tuple(dict.fromkeys(" ".join(texts).split()))


def read_json_object(content: bytes, option: str, what: str) -> dict[str, Any]:
    """The JSON object in a file that an option names. An error is reported without quoting the file. Raises
    click.BadParameter."""
    try:
        read = strict_json.loads(content)
    except strict_json.JsonRefused as refused:
        raise click.BadParameter(f"the file is {refused}", param_hint=option) from None
    if not isinstance(read, dict):
        raise click.BadParameter(f"the file is not {what}", param_hint=option)
    return read


def read_jwks(content: bytes) -> dict[str, Any]:
    """A key set (RFC 7517 §5) from the file of ``--jwks``."""
    return read_json_object(content, "--jwks", 'a key set: {"keys": […]}')
