"""What the verification of a report finds: what was checked, what could not be, and the faults with their places."""

from typing import Any

import msgspec


class Fault(Exception):
    """Something is not what was signed or recorded: in a file of the report, and of which figure where it is of one."""

    def __init__(self, what: str, file: str, figure: str = "") -> None:
        super().__init__(what)
        self.what, self.file, self.figure = what, file, figure


class Findings:
    """Collects them. No fault hides another one."""

    def __init__(self) -> None:
        self.checked: list[str] = []
        self.unchecked: list[str] = []
        self.faults: list[dict[str, str]] = []

    def add(self, fault: Fault) -> None:
        """A fault."""
        self.faults.append({"what": fault.what, "file": fault.file, "figure": fault.figure})

    @property
    def result(self) -> str:
        """``fault``, ``proved``, or ``unproved`` when something decisive could not be checked."""
        if self.faults:
            return "fault"
        return "unproved" if self.unchecked else "proved"

    def as_json(self) -> dict[str, Any]:
        """The findings as JSON values."""
        return {
            "result": self.result,
            "checked": self.checked,
            "not_checked": self.unchecked,
            "faults": self.faults,
        }


class Anchor(msgspec.Struct, frozen=True):
    """What says that a signature is of the right log: its public keys, and where they come from."""

    keys: tuple[str, ...]
    source: str
