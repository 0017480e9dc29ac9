"""A token, code or receipt that a command is given.

It is never an argument: those can be read by every user of the machine.
"""

import sys
from typing import TextIO

import click

from authrim.crypto.jws import MAX_TOKEN


def read_presented(what: str, source: TextIO | None = None, where: str = "on standard input") -> str:
    """The first line of standard input, or of another source. ``where`` tells people from where it is read."""
    stream = source or sys.stdin
    if stream.isatty():
        click.echo(f"Paste the {what}, then press Enter.", err=True)
    text = stream.readline(MAX_TOKEN + 2).strip()
    if not text or len(text) > MAX_TOKEN:
        raise click.UsageError(f"Give the {what} {where}.")
    return text
