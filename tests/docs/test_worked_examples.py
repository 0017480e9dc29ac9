"""The documentation's worked examples do what they say: each page that has commands is followed to its end."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.support import ready_authrim
from tests.support.ports import free_port
from tests.support.processes import development_server
from tests.support.worked_example import examples, follow

DOCS = Path(__file__).parents[2] / "docs"
#: The port that pages give to ``authrim dev --mtls-port``.
WRITTEN_MTLS_PORT = "8443"
#: Settings that a page starts its server with: ``AUTHRIM_RECEIPTS=true authrim dev``.
SETTING = re.compile(r"(AUTHRIM_[A-Z_]+)=(\S+)(?= .*authrim dev)")
OPERATIONS = ("operations/outbox.md", "operations/backup.md", "operations/upgrade.md")
PAGES = sorted(
    page
    for pages in ("audit/*.md", "protocols/*.md", *OPERATIONS)
    for page in DOCS.glob(pages)
    if any(examples(page.read_text()))
)


def test_pages_have_examples() -> None:
    """Most pages of protocols can be followed."""
    assert len(PAGES) >= 12


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_can_be_followed(
    page: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who starts ``authrim dev`` as the page says and copies its commands gets what the page shows."""
    port, mtls_port = free_port(), free_port()
    text = page.read_text().replace(WRITTEN_MTLS_PORT, str(mtls_port))
    options = ("--mtls-port", str(mtls_port)) if text != page.read_text() else ()
    for name, value in SETTING.findall(text):
        monkeypatch.setenv(name, value)
    with development_server(tmp_path / ".data", port, *options):
        ready_authrim.write_program(programs := tmp_path_factory.mktemp("programs"))
        environment = os.environ | {
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(DOCS.parent),
        }
        assert follow(text, tmp_path, f"http://localhost:{port}", environment) > 0
