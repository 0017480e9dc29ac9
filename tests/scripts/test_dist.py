"""``make dist``: what is released can be built again by anybody, and is whole."""

import json
import os
import secrets
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from cyclonedx.model.bom import Bom

from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import answers, wait_until

ROOT = Path(__file__).parents[2]
PACKAGES = ("authrim", "domain", "projections", "migrations")


class Release(NamedTuple):
    """The files of a release, and the source that they were made from."""

    source: Path
    folder: Path

    def file(self, ending: str) -> Path:
        (found,) = self.folder.glob(f"*{ending}")
        return found


def make_release(folder: Path, umask: int) -> Release:
    """Build the last commit in a copy of its own."""
    source = folder / "source"
    _run("git", "clone", "--quiet", str(ROOT), str(source), cwd=folder, umask=umask)
    _run(sys.executable, "-m", "scripts.dist", cwd=source, umask=umask)
    return Release(source, source / "dist")


def _run(*command: str, cwd: Path, umask: int = 0o022, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, umask=umask, check=False, capture_output=True, text=True, timeout=300,
        env={**os.environ, **variables},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("one"), umask=0o022)


def test_anybody_builds_the_same_bytes(release: Release, tmp_path: Path) -> None:
    """Two builds of one commit, in folders of other names and under another umask, give the same files."""
    other = make_release(tmp_path, umask=0o077)
    names = sorted(file.name for file in release.folder.iterdir())
    assert len(names) == 5
    assert names == sorted(file.name for file in other.folder.iterdir())
    for name in names:
        assert (release.folder / name).read_bytes() == (other.folder / name).read_bytes(), name


def test_the_wheel_has_every_file(release: Release) -> None:
    """The wheel has every file of the four packages: migrations, templates, locales and recipes too."""
    tracked = _run("git", "ls-files", *PACKAGES, cwd=release.source).split()
    with zipfile.ZipFile(release.file(".whl")) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith(tuple(f"{one}/" for one in PACKAGES))}
    assert packed == set(tracked)


def test_the_bill_names_every_pin(release: Release) -> None:
    """The bill of materials is CycloneDX, and names each pinned requirement of a server."""
    text = release.file(".cdx.json").read_text()
    bill = Bom.from_json(json.loads(text))  # type: ignore[attr-defined]
    pinned = (release.source / "requirements" / "runtime.txt").read_text()
    names = {component.name for component in bill.components}
    assert names == {
        line.partition("==")[0] for line in pinned.splitlines() if "==" in line and line[0] not in " #"
    }
    assert {"aiohttp", "asyncpg", "cryptography"} < names


def test_the_statement_names_the_files(release: Release) -> None:
    """The statement says which commit the files are made from, and has the digest of each; so do the check sums."""
    statement: dict[str, Any] = json.loads(release.file(".intoto.json").read_text())
    digests = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    for name, digest in digests.items():
        assert sha256((release.folder / name).read_bytes()).hexdigest() == digest
    assert {Path(name).suffix for name in digests} == {".whl", ".gz", ".json"}
    commit = _run("git", "rev-parse", "HEAD", cwd=release.source).strip()
    parameters = statement["predicate"]["buildDefinition"]["externalParameters"]
    assert (parameters["commit"], parameters["changed"]) == (commit, False)
    _run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=release.folder)


class Installed(NamedTuple):
    """The wheel, installed without its source: a folder to work in, and where Python finds it."""

    folder: Path
    site: str

    def authrim(self, *arguments: str) -> str:
        return _run(sys.executable, "-m", "authrim", *arguments, cwd=self.folder, PYTHONPATH=self.site)


@pytest.fixture
def installed(release: Release, tmp_path: Path) -> Installed:
    """Only Authrim's own files are installed. What it needs is there: the tests run with the same requirements."""
    site, folder = tmp_path / "site", tmp_path / "work"
    folder.mkdir()
    wheel = str(release.file(".whl"))
    _run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(site),
        wheel,
        cwd=folder,
    )
    return Installed(folder, str(site))


def test_an_installed_wheel_serves(installed: Installed) -> None:
    """An installed wheel is a whole server: it migrates, makes a client by recipe, gives a token, shows a page in
    German."""
    port = free_port()
    where = _run(
        sys.executable, "-c", "import authrim, migrations; print(authrim.__file__, migrations.__file__)",
        cwd=installed.folder, PYTHONPATH=installed.site,
    )  # fmt: skip
    assert all(path.startswith(installed.site) for path in where.split())
    (installed.folder / "authrim.toml").write_text(
        f'issuer = "http://localhost:{port}"\nport = {port}\nhost = "localhost"\ndevelopment = true\n'
        f'database = "authrim.db"\nmaster_keys = ["{secrets.token_urlsafe(32)}"]\n'
    )
    settings = ("--config", "authrim.toml")
    installed.authrim(*settings, "migrate")
    made = installed.authrim(
        *settings, "--json", "client", "create", "--name", "Robot", "--service", "--scope", "reports.read"
    )
    robot = json.loads(made)
    installed.authrim(*settings, "client", "create", "--for", "flask", "--url", "https://app.example")
    with serving(installed, port) as url:
        answer = requests.post(
            f"{url}/token", data={"grant_type": "client_credentials"},
            auth=(robot["client_id"], robot["client_secret"]), timeout=PATIENCE,
        )  # fmt: skip
        assert answer.json()["scope"] == "reports.read"
        page = requests.get(
            f"{url}/authorize", headers={"Accept": "text/html", "Accept-Language": "de"}, timeout=PATIENCE
        )
        assert (page.status_code, 'lang="de"' in page.text) == (400, True)


@contextmanager
def serving(installed: Installed, port: int) -> Iterator[str]:
    """The address of the installed server while it runs."""
    url = f"http://localhost:{port}"
    command = (sys.executable, "-m", "authrim", "serve", "--config", "authrim.toml")
    environment = {**os.environ, "PYTHONPATH": installed.site}
    with subprocess.Popen(
        command, cwd=installed.folder, env=environment, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: answers(f"{url}/health/ready"))
            yield url
        finally:
            process.terminate()
