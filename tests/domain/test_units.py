"""Units of time have one home."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = ROOT / "domain/units.py"
SPELLED = re.compile(
    r"\b(86_?400|604_?800|31_?536_?000)\b|^_?(MINUTE|HOUR|DAY|YEAR|MICROSECONDS)\b[^=]*=", re.MULTILINE
)
#: Text of a header.
IN_TEXT = re.compile(r"max-age=\d+")


@pytest.mark.parametrize("package", ["authrim", "domain", "projections"])
def test_no_module_counts_its_own_seconds(package: str) -> None:
    """No other module names a unit of time, or spells out the seconds of a day, a week or a year."""
    for file in (ROOT / package).rglob("*.py"):
        if file != HOME:
            assert not SPELLED.search(IN_TEXT.sub("", file.read_text())), file
