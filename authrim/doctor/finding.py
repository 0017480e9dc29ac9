"""A problem that a check can find, and a finding of it on this server."""

from typing import Literal

import msgspec

#: ``fault``: the server does not work, or is not safe. ``warning``: it will not be for long, or less than it could be.
#: ``note``: worth knowing.
Severity = Literal["note", "warning", "fault"]


class Problem(msgspec.Struct, frozen=True):
    """What can be wrong, and how it is mended. ``id`` is the check's id and a word for the problem. No text here or in
    a finding has a secret or personal data in it."""

    id: str
    severity: Severity
    what: str
    fix: str

    def found(self, detail: str = "", fix: str = "") -> "Finding":
        """A finding of it. ``detail`` says what was seen; ``fix`` is closer to this server than the problem's own."""
        return Finding(self, detail, fix or self.fix)


class Finding(msgspec.Struct, frozen=True):
    """A problem that this server has."""

    problem: Problem
    detail: str
    fix: str
