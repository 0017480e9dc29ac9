"""Make what is released: a wheel, a source distribution, a bill of materials, a statement of where they come from.

    python -m scripts.dist [--to dist]

The same commit makes the same bytes, on any machine: no time but the commit's own and no path is in the files. So
anybody can build them again and compare. ``docs/operations/packages.md`` says how.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import authrim

ROOT = Path(__file__).parent.parent
LICENSE = "Apache-2.0"

_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
#: What the names of the statement's fields mean: https://slsa.dev/spec/v1.0/provenance
_STATEMENT = "https://in-toto.io/Statement/v1"
_PROVENANCE = "https://slsa.dev/provenance/v1"
_BUILD_TYPE = "https://packaging.python.org/en/latest/specifications/pyproject-toml/"


class Commit(NamedTuple):
    """What is built: its hash, its time (seconds since 1970), and whether the folder has changes beside it."""

    id: str
    time: int
    changed: bool


class Pin(NamedTuple):
    """A pinned requirement: its release, the SHA-256 of each of its files, and on which machines it is needed."""

    name: str
    version: str
    hashes: tuple[str, ...]
    marker: str


def main() -> None:
    """Build into a folder, and list what was made."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--to", type=Path, default=ROOT / "dist", help="The folder. Default: dist.")
    folder = arguments.parse_args().to
    commit = this_commit()
    if commit.changed:
        print(
            "The folder has changes that are not committed: others cannot build these files.", file=sys.stderr
        )
    for made in build(folder, commit):
        print(made.relative_to(Path.cwd()) if made.is_relative_to(Path.cwd()) else made)


def this_commit() -> Commit:
    """The commit that the folder is at."""
    identity, time = _git("log", "-1", "--format=%H %ct").split()
    return Commit(identity, int(time), bool(_git("status", "--porcelain")))


def build(folder: Path, commit: Commit) -> list[Path]:
    """Make every file. Files of an earlier build in the folder are deleted."""
    folder.mkdir(parents=True, exist_ok=True)
    sums = folder / "SHA256SUMS"
    for old in (*folder.glob("authrim-*"), sums):
        old.unlink(missing_ok=True)
    _run_hatchling(folder, commit)
    built = sorted(folder.glob("authrim-*"))
    bill = folder / f"authrim-{authrim.__version__}.cdx.json"
    bill.write_text(bill_of_materials(commit), encoding="utf-8")
    statement = folder / f"authrim-{authrim.__version__}.intoto.json"
    statement.write_text(_as_text(provenance([*built, bill], commit)), encoding="utf-8")
    files = [*built, bill, statement]
    sums.write_text("".join(f"{_sha256(file)}  {file.name}\n" for file in files), encoding="ascii")
    return [*files, sums]


def _run_hatchling(folder: Path, commit: Commit) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(commit.time)}
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder.resolve())]
    # The permissions of the files that it makes follow the umask, and a wheel records those.
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, umask=0o022)


def bill_of_materials(commit: Commit) -> str:
    """What an installation consists of, as CycloneDX 1.6 JSON: each pinned requirement, and the hash of its files."""
    product = Component(
        name="authrim",
        version=authrim.__version__,
        type=ComponentType.APPLICATION,
        bom_ref="authrim",
        purl=PackageURL("pypi", name="authrim", version=authrim.__version__),
        licenses=[LicenseExpression(LICENSE)],
        supplier=OrganizationalEntity(name="Authrim"),
        properties=[Property(name="authrim:commit", value=commit.id)],
    )
    bill = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"authrim/{commit.id}"),
        version=1,
        components=map(_component, pins()),
    )
    bill.metadata.timestamp = datetime.fromtimestamp(commit.time, UTC)
    bill.metadata.component = product
    bill.register_dependency(product, bill.components)
    return f"{JsonV1Dot6(bill).output_as_string(indent=2)}\n"


def _component(pin: Pin) -> Component:
    """A requirement. A release has one file per platform: their hashes are properties, since a component has one."""
    purl = PackageURL("pypi", name=canonicalize_name(pin.name), version=pin.version)
    properties = [Property(name="authrim:sha256", value=value) for value in pin.hashes]
    if pin.marker:
        properties.append(Property(name="authrim:marker", value=pin.marker))
    only = [HashType(alg=HashAlgorithm.SHA_256, content=pin.hashes[0])] if len(pin.hashes) == 1 else []
    return Component(
        name=pin.name, version=pin.version, type=ComponentType.LIBRARY, bom_ref=str(purl), purl=purl,
        hashes=only, properties=properties,
    )  # fmt: skip


def pins() -> Iterator[Pin]:
    """The pinned requirements of a server (``requirements/runtime.txt``)."""
    text = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        requirement = Requirement(line.partition("--hash")[0].strip())
        (exact,) = requirement.specifier
        marker = str(requirement.marker or "")
        yield Pin(requirement.name, exact.version, tuple(sorted(_HASH.findall(line))), marker)


def provenance(files: list[Path], commit: Commit) -> dict[str, Any]:
    """Which commit and which tools made the files (SLSA provenance v1, as an in-toto statement). It is not signed:
    whoever builds the same commit gets the same statement."""
    return {
        "_type": _STATEMENT,
        "subject": [{"name": file.name, "digest": {"sha256": _sha256(file)}} for file in files],
        "predicateType": _PROVENANCE,
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD_TYPE,
                "externalParameters": {
                    "command": "make dist",
                    "commit": commit.id,
                    "changed": commit.changed,
                },
                "internalParameters": {"SOURCE_DATE_EPOCH": str(commit.time)},
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": commit.id}},
                    *(
                        {"name": name, "digest": {"sha256": _sha256(ROOT / "requirements" / name)}}
                        for name in ("build.txt", "runtime.txt")
                    ),
                ],
            },
            "runDetails": {"builder": {"id": "make dist"}},
        },
    }


def _as_text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
