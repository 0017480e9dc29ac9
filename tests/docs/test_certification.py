"""The conformance suite's configuration that is shown in ``docs/certification`` is what its script writes."""

import subprocess
import sys
from pathlib import Path

PAGES = Path(__file__).parents[2] / "docs" / "certification"


def test_the_configuration_is_what_the_script_writes(tmp_path: Path) -> None:
    """Whoever repeats the run with the file gets what the script would have written, for every plan with dynamic
    registration."""
    written = tmp_path / "openid-connect.json"
    script = PAGES / "openid_connect.py"
    command = [sys.executable, script, "--issuer", "https://op.test:9443", "--alias", "authrim", written]
    subprocess.run([*command, "--suite", "https://localhost.emobix.co.uk:8443"], check=True)
    assert written.read_text() == (PAGES / "configurations" / "openid-connect.json").read_text()
