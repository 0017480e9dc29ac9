"""What a comparison ran on: the machine, the versions of everything, the commit."""

import os
import platform
import re
import subprocess
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import msgspec
import psycopg2

from bench.peers.authlib_side import SOURCE as AUTHLIB
from bench.peers.node_side import SOURCE as NODE
from bench.peers.node_side import node_program
from bench.side import ROOT
from tests.postgres_cluster import Cluster


def versions(cluster: Cluster, *, authlib: bool) -> dict[str, str]:
    """By name. Those of peers are the pinned ones."""
    found = {
        "Authrim": version("authrim"),
        "Python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "PostgreSQL": _postgresql(cluster),
        "wrk": _said(r"\d[\w.-]*", "wrk", "-v"),
        "Node.js": _said(r"\d[\w.]*", node_program(), "--version"),
        **msgspec.json.decode((NODE / "package.json").read_bytes())["dependencies"],
    }
    if authlib:
        pins = dict(re.findall(r"^([\w-]+)==(\S+)", (AUTHLIB / "requirements.txt").read_text(), re.MULTILINE))
        found |= {
            name: pins[name.lower()]
            for name in ("Authlib", "Flask", "gunicorn", "SQLAlchemy", "psycopg2-binary")
        }
    return found


def commit() -> str:
    """The commit, with a plus when something is not committed. What the comparison writes does not count."""
    short = _git("rev-parse", "--short", "HEAD")
    changed = _git(
        "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/operations/benchmarks*"
    )
    return f"{short}+" if changed else short or "unknown"


def processor() -> str:
    """The model of the processor."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def memory_gigabytes() -> float:
    """The memory of the machine."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def kernel() -> str:
    """The system and its version."""
    return f"{platform.system()} {platform.release()}"


def _postgresql(cluster: Cluster) -> str:
    with closing(psycopg2.connect(cluster.socket_dsn("postgres"))) as connection:
        return str(connection.info.parameter_status("server_version"))


def _said(pattern: str, *command: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # wrk -v ends with 1
    found = re.search(pattern, ran.stdout + ran.stderr)
    return found[0] if found else "unknown"


def _git(*arguments: str) -> str:
    ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip()
