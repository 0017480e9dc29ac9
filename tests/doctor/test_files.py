"""Files that the settings name: who can read and write them, and whether there is room for them."""

import os
from pathlib import Path

import pytest

from authrim.doctor.checks.database import file_system_of
from authrim.doctor.checks.disk import judged
from authrim.doctor.checks.files import READ, WRITTEN_IN, WRITTEN_TO
from authrim.doctor.checks.files import judged as judged_rights
from authrim.doctor.examined import Options
from authrim.doctor.finding import Finding
from authrim.settings import Settings
from tests.doctor.examinations import findings, settings_at


def test_every_file_of_the_settings_is_looked_at() -> None:
    """A new setting that names a file is in one of the lists of the check."""
    named = {
        name
        for name, field in Settings.model_fields.items()
        if "Path" in str(field.annotation) + str(field.metadata)
    }
    assert named == READ | WRITTEN_IN | WRITTEN_TO


@pytest.mark.parametrize(
    ("mode", "group", "is_secret", "expected"),
    [
        (0o600, 1, True, ""), (0o640, 54321, True, "files.open_to_group"), (0o640, 54321, False, ""),
        (0o644, 1, True, "files.open_to_all"), (0o644, 1, False, ""), (0o622, 1, False, "files.open_to_all"),
    ],
)  # fmt: skip
def test_rights_of_files(mode: int, group: int, is_secret: bool, expected: str) -> None:
    """What everybody may read is no secret, and what everybody may write is trusted by nobody."""
    seen = os.stat_result((mode, 0, 0, 1, 0, group, 0, 0, 0, 0))
    found = list(judged_rights("master_key_file", Path("/k"), seen, is_secret=is_secret))
    assert [one.problem.id for one in found] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('database = "postgresql://a:secret@db/x"', True), ('database = "postgresql://a@db/x"', False),
        ('master_keys = ["k"]', True), ('issuer = "https://x@example"', False),
    ],
)  # fmt: skip
async def test_secrets_in_the_file_of_the_settings(tmp_path: Path, line: str, found: bool) -> None:
    """Such a file is a secret itself."""
    config = tmp_path / "authrim.toml"
    config.write_text(line)
    config.chmod(0o644)
    options = Options(config=config)
    assert (
        "files.open_to_all" in await findings(settings_at(tmp_path / "none.db"), "files", options=options)
    ) == found


async def test_a_certificate_that_is_not_obtained_yet(tmp_path: Path) -> None:
    """By ACME the server makes the files itself; the doctor does not miss them before."""
    tls = {"tls_certificate": tmp_path / "tls.pem", "tls_key": tmp_path / "tls.key"}
    assert "files.unreadable" in await findings(settings_at(tmp_path / "none.db", **tls), "files")
    by_acme = tls | {"acme_directory": "https://acme.example/directory"}
    assert set(await findings(settings_at(tmp_path / "none.db", **by_acme), "files")) <= {"files.as_root"}


@pytest.mark.parametrize(
    ("free", "files_left", "expected"),
    [(50, 900, "disk.full"), (500, 900, "disk.low"), (5000, 1, "disk.full"), (5000, 900, "")],
)
def test_room_on_a_disk(free: int, files_left: int, expected: str) -> None:
    """What is left decides, in bytes and in inodes; a file system without blocks, as of the kernel, is none."""
    mib = 1024 * 1024
    seen = os.statvfs_result((mib, mib, 10_000, free, free, 1000, files_left, files_left, 0, 255))
    found: list[Finding] = list(judged("database", Path("/x"), seen))
    assert [one.problem.id for one in found] == ([expected] if expected else [])
    kernel = os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255))
    assert list(judged("database", Path("/proc"), kernel)) == []


def test_file_systems_of_other_machines() -> None:
    """The file system of a path is that of the closest mount."""
    mounts = "/dev/sda1 / ext4 rw 0 0\nnas:/export /srv/my\\040data nfs4 rw 0 0\n"
    assert file_system_of(Path("/srv/my data/authrim.db"), mounts) == "nfs4"
    assert file_system_of(Path("/srv/other/authrim.db"), mounts) == "ext4"
