"""What the Debian package has beside the server's Python."""

from pathlib import Path

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


def test_a_removal_stops_every_unit() -> None:
    """What can be enabled is stopped and disabled before its program is gone."""
    script = (ROOT / "deploy" / "debian" / "prerm").read_text()
    enabled = [file.name for file in UNITS.iterdir() if "\n[Install]\n" in file.read_text()]
    assert enabled
    assert [name for name in enabled if name not in script] == []
