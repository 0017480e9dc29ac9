"""Make a Debian package of the server: ``python -m scripts.deb [--to dist] [--python 3.11]``.

It has the wheel and the pinned requirements, which pip checks by their hashes, in a virtual environment of its own at
``/usr/lib/authrim``. That uses the Python of the Debian release, so there is a package per release: 3.11 is Debian 12,
3.13 is Debian 13. ``docs/operations/systemd.md`` says how it is installed.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import authrim
from scripts.dist import ROOT, Commit, build, this_commit

PLACE = "usr/lib/authrim"
MAINTAINER = "The Authrim authors <maintainers@authrim.invalid>"
#: The machines of wheels by Debian's name of the architecture, and the oldest glibc of the releases that have systemd
#: 250 and Python 3.11: wheels for an older one run there too.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC = range(17, 37)
UNITS = (".service", ".socket", ".timer")
_DEPLOY = ROOT / "deploy"
_CONTROL = """\
Package: authrim
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: libc6 (>= 2.36), python3 (>= {python}~), python3 (<< {next_python}~), systemd (>= 250)
Suggests: nginx, postgresql
Section: net
Priority: optional
Homepage: https://authrim.invalid
Description: OAuth 2.0 and OpenID Connect authorization server
 Authrim lets people sign in to applications, and applications ask for access
 to APIs. Every change is an event in a log that proves itself, from which
 everything else is computed.
 .
 After the installation, authrim setup makes the settings, the master key, the
 database, the first account and the first client.
"""


def main() -> None:
    """Build a package into a folder."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--to", type=Path, default=ROOT / "dist", help="The folder. Default: dist.")
    arguments.add_argument(
        "--python", default="3.11", help="The Python of the Debian release. Default: 3.11, of Debian 12."
    )
    given = arguments.parse_args()
    print(make_package(given.to, given.python, this_commit()))


def make_package(folder: Path, python: str, commit: Commit) -> Path:
    """Build the wheel, put it together with its requirements, and pack it."""
    folder.mkdir(parents=True, exist_ok=True)
    architecture = _output("dpkg", "--print-architecture")
    version = f"{authrim.__version__}-1"
    package = folder / f"authrim_{version}_{architecture}.deb"
    # Files that the build makes get the same modes on any machine.
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="authrim-deb-") as made:
        tree = Path(made) / "tree"
        dist = Path(made) / "dist"
        build(dist, commit)
        install_python(tree, dist, python, architecture)
        install_files(tree, dist, commit, version)
        control = tree / "DEBIAN"
        control.mkdir()
        size = sum(file.lstat().st_size for file in tree.rglob("*") if not file.is_symlink()) // 1024
        (control / "control").write_text(
            _CONTROL.format(
                version=version, architecture=architecture, maintainer=MAINTAINER, size=size, python=python,
                next_python=_next(python),
            )
        )  # fmt: skip
        for script in ("postinst", "prerm", "postrm"):
            _install(_DEPLOY / "debian" / script, control / script, 0o755)
        _write_sums(tree, control / "md5sums")
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(commit.time)}
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zxz", "-z2", "--build", str(tree), str(package)],
            check=True, env=environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return package


def install_python(tree: Path, dist: Path, python: str, architecture: str) -> None:
    """A virtual environment with the requirements and the wheel. Nothing is run in it, and nothing is compiled."""
    home = tree / PLACE
    packages = home / "lib" / f"python{python}" / "site-packages"
    packages.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(f"/usr/bin/python{python}")
    (home / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"
    )
    platforms = [f"manylinux_2_{minor}_{MACHINES[architecture]}" for minor in reversed(GLIBC)]
    platforms.append(f"manylinux2014_{MACHINES[architecture]}")
    pip = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps",
        "--only-binary=:all:", "--target", str(packages), "--implementation", "cp", "--python-version", python,
        *(word for platform in platforms for word in ("--platform", platform)),
    ]  # fmt: skip
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements" / "runtime.txt")], check=True)
    subprocess.run([*pip, *map(str, dist.glob("*.whl"))], check=True)
    shutil.rmtree(packages / "bin", ignore_errors=True)
    for record in packages.glob("*.dist-info/direct_url.json"):
        record.unlink()  # it names a folder of this machine
    program = home / "bin" / "authrim"
    program.write_text(
        f"#!/{PLACE}/bin/python -P\nfrom authrim.commands.root import main\n\nmain(prog_name='authrim')\n"
    )
    program.chmod(0o755)


def install_files(tree: Path, dist: Path, commit: Commit, version: str) -> None:
    """The command, the units, and what Debian wants to know of a package."""
    _install(_DEPLOY / "debian" / "authrim.sh", tree / "usr/bin/authrim", 0o755)
    units = tree / "usr/lib/systemd/system"
    for file in (_DEPLOY / "systemd").iterdir():
        if file.suffix in UNITS:
            unit = units / file.name
            _install(file, unit, 0o644)
            unit.write_text(unit.read_text().replace("/opt/authrim/", f"/{PLACE}/"))
    _install(_DEPLOY / "systemd/authrim.sysusers", tree / "usr/lib/sysusers.d/authrim.conf", 0o644)
    _install(_DEPLOY / "systemd/authrim.tmpfiles", tree / "usr/lib/tmpfiles.d/authrim.conf", 0o644)
    documents = tree / "usr/share/doc/authrim"
    _install(_DEPLOY / "debian/copyright", documents / "copyright", 0o644)
    _install(next(dist.glob("*.cdx.json")), documents / "authrim.cdx.json", 0o644)
    _install(_DEPLOY / "debian/lintian-overrides", tree / "usr/share/lintian/overrides/authrim", 0o644)
    entry = (
        f"authrim ({version}) stable; urgency=medium\n\n  * Version {version.partition('-')[0]}.\n\n"
        f" -- {MAINTAINER}  {format_datetime(datetime.fromtimestamp(commit.time, UTC))}\n"
    )
    (documents / "changelog.Debian.gz").write_bytes(gzip.compress(entry.encode(), mtime=0))
    changes = (ROOT / "CHANGELOG.md").read_bytes()
    (documents / "changelog.gz").write_bytes(gzip.compress(changes, mtime=0))


def _install(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    target.chmod(mode)


def _write_sums(tree: Path, to: Path) -> None:
    files = sorted(
        file for file in tree.rglob("*") if file.is_file() and not file.is_symlink() and file != to
    )
    names = [str(file.relative_to(tree)) for file in files if not file.is_relative_to(tree / "DEBIAN")]
    to.write_text(_output("md5sum", *names, cwd=tree) + "\n")


def _next(python: str) -> str:
    major, _, minor = python.partition(".")
    return f"{major}.{int(minor) + 1}"


def _output(*command: str, cwd: Path | None = None) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout.strip()


if __name__ == "__main__":
    main()
