"""The secrets of ``compose.yaml``."""

import shutil
import subprocess
from pathlib import Path

_SCRIPT = Path(__file__).parents[2] / "deploy" / "compose" / "make-secrets"


def test_a_second_run_changes_nothing_but_what_is_empty(tmp_path: Path) -> None:
    """A run that was killed between making a file and writing it leaves no empty password behind."""
    script = Path(shutil.copy(_SCRIPT, tmp_path))
    secrets = tmp_path / "secrets"
    subprocess.run([script], capture_output=True, check=True)
    first = {file.name: file.read_text() for file in secrets.iterdir()}
    assert len(set(first.values())) == len(first) == 7
    (secrets / "grafana_password").write_text("")
    subprocess.run([script], capture_output=True, check=True)
    second = {file.name: file.read_text() for file in secrets.iterdir()}
    assert len(second.pop("grafana_password")) == len(first.pop("grafana_password"))
    assert second == first
    assert secrets.stat().st_mode & 0o777 == 0o700
