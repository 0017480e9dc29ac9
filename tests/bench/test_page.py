"""The page of a comparison."""

from pathlib import Path
from xml.etree import ElementTree as Xml

import msgspec
import pytest

from bench import page
from bench.results import Release, Results
from tests.bench.found import cell, results

ROOT = Path(__file__).parents[2]
RELEASE = Release("0.1.0", "c2764cf", "then", {"refresh": 2.0})


def test_the_page_has_the_figures_and_what_they_were_measured_with(tmp_path: Path) -> None:
    """The tables have rates with their spread, ratio, aim, last release, latencies, processor time, memory, start and
    versions; the text around the marks stays; the same figures are in a file beside it."""
    found = results(cell("refresh", 2.5, title="refresh with rotation"))
    file = tmp_path / "benchmarks.md"
    file.write_text(
        "# Benchmarks\n\nBefore.\n\n<!-- begin comparison -->\nold\n<!-- end comparison -->\n\nAfter.\n"
    )
    page.write(found, RELEASE, file, tmp_path / "benchmarks")
    text = file.read_text()
    for told in (
        "| refresh with rotation | 2500 (900–3000) | 2.50 (2.38–2.75) | ≥ 2.0 | 2.00 | 1000 (950–1100) |",
        "| refresh with rotation | 10.0 / 25.0 | 20.0 / 40.0 |",
        "| refresh with rotation | 0.200 + 0.050 + 0.100 | 0.400 + 0.000 + 0.200 |",
        "| Authrim | 150 MB (90 + 60) | 110 + 90 MB | 0.75 (0.70–0.80) s |",
        "| Node.js | 24 |",
        "commit abc1234",
        "`make bench`",
        "the machine was quiet",
    ):
        assert told in text
    assert text.startswith("# Benchmarks\n\nBefore.\n")
    assert text.endswith("\n\nAfter.\n")
    assert "old" not in text
    written = (tmp_path / "benchmarks" / "comparison.json").read_bytes()
    assert msgspec.json.decode(written, type=Results) == found


def test_the_page_names_what_is_wrong() -> None:
    """A refused server, a ratio that fell and a machine that was not quiet are said before the figures."""
    found = results(cell("refresh", 1.0), cell("jwks", None, refused="no key for ES256"), others=0.9)
    text = page.text_of(found, RELEASE, "benchmarks")
    assert "**Refused:** jwks: authrim: no key for ES256" in text
    assert "**Fell:** refresh: 1.00, 2.00 in 0.1.0 (c2764cf)" in text
    assert "**the machine was not quiet**" in text
    assert "| jwks | refused | – |" in text


def test_the_charts_can_be_read_by_everybody(tmp_path: Path) -> None:
    """Each chart is well-formed SVG with a title, a description that has the figures, no script, and colours for a dark
    page; every chart that the page shows is there."""
    found = results(cell("refresh", 2.5), cell("jwks", None, refused="no key for ES256"))
    files = page.drawn(found)
    for text in files.values():
        picture = Xml.fromstring(text)
        space = "{http://www.w3.org/2000/svg}"
        assert picture.findtext(f"{space}title")
        assert "Authrim" in (picture.findtext(f"{space}desc") or "")
        assert picture.find(f".//{space}script") is None
        assert "prefers-color-scheme: dark" in (picture.findtext(f"{space}style") or "")
    shown = page.text_of(found, RELEASE, "benchmarks")
    assert all(f"(benchmarks/{name})" in shown for name in files)
    assert shown.count(".svg)") == len(files)
    assert "2.50 (2.38–2.75)" in files["ratios.svg"]


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    """A page from which the marks were lost is not written over, and the one of the documentation has them."""
    file = tmp_path / "benchmarks.md"
    file.write_text("# Benchmarks\n")
    with pytest.raises(ValueError, match="no markers"):
        page.write(results(cell("refresh", 2.5)), RELEASE, file, tmp_path / "benchmarks")
    assert file.read_text() == "# Benchmarks\n"
    assert f"<!-- begin {page.MARK} -->" in (ROOT / "docs/operations/benchmarks.md").read_text()
