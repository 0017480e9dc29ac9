"""A report as PDF."""

import re
import sys
import zlib

import pytest

from authrim.reports.render.pdf import NoPdf, pdf_of
from tests.reports.sample_report import sample_report


def test_the_same_report_is_the_same_document() -> None:
    """The document has no time of its making and no random identifier, and is tagged for screen readers."""
    report = sample_report()
    made = pdf_of(report)
    assert made == pdf_of(report)
    assert made.startswith(b"%PDF-1.")
    packed = re.findall(rb"/FlateDecode.*?stream\n(.*?)\nendstream", made, re.DOTALL)
    objects = b"".join(zlib.decompressobj().decompress(stream) for stream in packed)
    assert b"/StructTreeRoot" in objects
    assert b"CreationDate" not in objects


def test_without_weasyprint_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the optional part is not installed, there is no document, and a text that says what to install."""
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(NoPdf, match=r"pip install 'authrim\[reports\]'"):
        pdf_of(sample_report())
