"""The frameworks: those that are shipped, those of one's own, and what is said of a wrong one."""

import re
from pathlib import Path
from typing import Final

import pytest

from authrim.reports.catalog import BadFramework, framework_of, frameworks
from domain.report.model import Period
from domain.report.section import Context, Integrity
from domain.report.sections import SECTIONS
from domain.report.trails import Trails

KNOWN: Final = frozenset({"sign_ins", "consents"})
GOOD: Final = """
id = "ours"
title = "Our policy"
version = "3"
about = "What we promised."

[[control]]
id = "P-1"
title = "Sign-ins"
asks = "People sign in."
sections = ["sign_ins"]
figures = ["sign_ins.people"]
"""
BAD: Final = """
title = 7
version = "  "
about = "x"
owner = "x"

[[control]]
id = "P-1"
title = "Sign-ins"
sections = ["sign_ins", "signins"]

[[control]]
id = "P-2"
title = "Sign-ins"
asks = "People sign in."
sections = ["sign_ins", "signins"]
figures = ["consents.given"]

[[control]]
id = "P-3"
title = "Nothing"
asks = "Something."

[[control]]
id = "P-3"
title = "Elsewhere"
asks = "Something."
sections = "sign_ins"
cannot_show = ["It is on paper."]
"""


def test_each_shipped_framework_answers_its_controls() -> None:
    """The frameworks that ship can be read, and each control of them says what is asked, and what answers it or where
    else to look."""
    found = frameworks()
    asked = {
        "soc2": {"CC6.1", "CC6.8", "CC7.1", "CC7.5"},
        "iso27001": {"5.15", "5.16", "5.17", "5.18", "8.2", "8.3", "8.5", "8.15", "8.16"},
        "pci-dss": {"7.2.4", "8.3.4", "10.2.1.4", "10.3.4"},
        "hipaa": {"164.312(a)(2)(i)", "164.312(b)", "164.312(e)(2)(ii)"},
        "nist-800-53": {"AC-2", "AC-2(12)", "AU-9(3)", "IA-5(1)", "IA-13(3)"},
        "nist-800-63-4": {"63B-4 3.1.1.2", "63C-4 3.4.1"},
        "gdpr": {"Art. 15", "Art. 17", "Art. 30(1)", "Art. 32(1)(a)", "Art. 33(5)"},
        "dora": {"Art. 9(1)", "Art. 9(4)(d)"},
        "fapi": {"FAPI2-SP 5.3.2.1 sender constraint", "RTS Art. 29"},
        "log-evidence": {"everything"},
    }
    assert found.keys() == asked.keys()
    for name, ids in asked.items():
        controls = {control.id: control for control in found[name].controls}
        assert ids <= controls.keys()
        assert all(
            control.asks and (control.sections or control.cannot_show) for control in controls.values()
        )


def test_a_file_of_ones_own_is_read_beside_the_shipped_ones(tmp_path: Path) -> None:
    """A file in a folder of one's own is a framework too, with each text in one line."""
    (tmp_path / "ours.toml").write_text(GOOD.replace("People sign in.", "People\\nsign in."))
    (tmp_path / "notes.txt").write_text("no framework")
    found = frameworks(tmp_path)
    assert {"ours", "soc2"} <= found.keys()
    assert found["ours"].controls[0].asks == "People sign in."


def test_the_figures_of_the_shipped_frameworks_are_in_every_report() -> None:
    """Each figure that a shipped control names is one that a report always has, also of a period without events."""
    trails, period = (
        Trails(lambda _name, _part: None),
        Period(1, 1, 1_782_864_000_000_000, 1_790_812_800_000_000),
    )
    context = Context("default", period, Integrity(0, 0, "", "", 0, 0))
    made = {figure.id for make in SECTIONS for figure in make(trails).result(context).figures}
    named = {
        figure for one in frameworks().values() for control in one.controls for figure in control.figures
    }
    assert len(named) > 100
    assert named <= made


def test_the_example_of_the_documentation_is_a_framework() -> None:
    """What docs/audit/frameworks.md shows as a file can be used as it is, and each shipped framework is in its list."""
    page = (Path(__file__).parents[2] / "docs/audit/frameworks.md").read_text()
    example = next(
        text for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[[control]]" in text
    )
    assert framework_of(example.encode(), "our-policy.toml", "our-policy", KNOWN).controls[0].id == "P-7"
    assert all(f"| `{name}` |" in page for name in frameworks())


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    """A wrong file is refused with each of its mistakes, and each with its file, line, control and key."""
    with pytest.raises(BadFramework) as raised:
        framework_of(BAD.encode(), "ours.toml", "ours", KNOWN)
    assert sorted(raised.value.mistakes) == sorted(
        [
            "ours.toml: owner: is not known: there are id, title, version, about",
            "ours.toml: id: is needed",
            "ours.toml: title: must be text in quotes",
            "ours.toml: version: must not be empty, and has only characters that can be seen",
            "ours.toml, line 7: control P-1: asks: is needed",
            "ours.toml, line 12: control P-2: sections: there is no section 'signins': there are consents, sign_ins",
            "ours.toml, line 12: control P-2: figures: 'consents.given' is of no section that the control names",
            "ours.toml, line 19: control P-3: sections: names none: say with cannot_show where else this is shown",
            "ours.toml, line 24: control P-3: sections: must be a list of texts in quotes",
        ]
    )
    (tmp_path / "ours.toml").write_text(BAD)
    (tmp_path / "other.toml").write_text("id = ")
    with pytest.raises(BadFramework, match=r"other\.toml: is not TOML(.|\n)*ours\.toml: owner"):
        frameworks(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD.replace('"ours"', '"theirs"').encode(), "id: must be 'ours', as the file is called"),
        (GOOD.encode() + GOOD[GOOD.index("[[control") :].encode(), "control: the id 'P-1' is there 2 times"),
        (GOOD[: GOOD.index("[[control")].encode(), "control: is needed"),
        ("x = 'é'".encode("latin-1"), "is not UTF-8"),
        (b"#" * (1 << 21), "is larger than"),
        (b"control = [" * 1, "is not TOML"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(content: bytes, said: str) -> None:
    """A file with another id, an id twice, no control, or no TOML is refused, with the reason."""
    with pytest.raises(BadFramework) as raised:
        framework_of(content, "ours.toml", "ours", KNOWN)
    assert said in str(raised.value)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A folder that cannot be read is an error, and not a folder without files."""
    with pytest.raises(BadFramework, match="cannot be read"):
        frameworks(tmp_path / "none")
