"""What the Debian package has beside the server's Python."""

import subprocess
from pathlib import Path

import pytest

from scripts.deb import PLACE, install_files
from scripts.dist import ROOT, Commit

UNITS = ROOT / "deploy" / "systemd"


def test_every_unit_starts_the_package_own_program(tmp_path: Path) -> None:
    """All units are in the package, those of the backup too, and each starts the program where the package puts it."""
    (tmp_path / "authrim.cdx.json").write_text("{}")
    install_files(tmp_path / "tree", tmp_path, Commit("0" * 40, 0, False), "1-1")
    units = {file.name: file.read_text() for file in (tmp_path / "tree/usr/lib/systemd/system").iterdir()}
    assert set(units) == {
        file.name for file in UNITS.iterdir() if file.suffix not in {".sysusers", ".tmpfiles"}
    }
    assert not [name for name, text in units.items() if "/opt/" in text]
    programs = [name for name, text in units.items() if f"/{PLACE}/bin/authrim " in text]
    assert sorted(programs) == ["authrim-backup.service", "authrim.service"]


@pytest.mark.parametrize(
    ("user", "words", "run"),
    [
        ("0", "--json account list", "runuser -u authrim -- PROGRAM --config SETTINGS --json account list"),
        ("999", "account list", "PROGRAM --config SETTINGS account list"),
        ("0", "--config other setup", "PROGRAM --config other setup"),
        ("999", "setup", "PROGRAM setup"),
    ],
)
def test_the_command_knows_the_settings(tmp_path: Path, user: str, words: str, run: str) -> None:
    """Root's commands are run as the user of the server, and whoever may read the settings gets them; setup is run as
    it is given."""
    program, settings, folder = tmp_path / "program", tmp_path / "settings", tmp_path / "bin"
    folder.mkdir()
    settings.touch()
    for file, text in (
        (program, 'echo PROGRAM "$@"'), (folder / "runuser", 'echo runuser "$@"'), (folder / "id", f"echo {user}"),
    ):  # fmt: skip
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
    script = (ROOT / "deploy" / "debian" / "authrim.sh").read_text()
    script = script.replace("/usr/lib/authrim/bin/authrim", str(program))
    script = script.replace("/etc/authrim/authrim.toml", str(settings))
    done = subprocess.run(
        ["/bin/sh", "-c", script, "authrim", *words.split()],
        check=True, capture_output=True, text=True, env={"PATH": f"{folder}:/usr/bin:/bin"},
    )  # fmt: skip
    told = done.stdout.strip().replace(str(program), "PROGRAM").replace(str(settings), "SETTINGS")
    assert told == run


def test_a_removal_stops_every_unit() -> None:
    """What can be enabled is stopped and disabled before its program is gone."""
    script = (ROOT / "deploy" / "debian" / "prerm").read_text()
    enabled = [file.name for file in UNITS.iterdir() if "\n[Install]\n" in file.read_text()]
    assert enabled
    assert [name for name in enabled if name not in script] == []
