"""Examines servers as ``authrim doctor`` does, with as many of its checks as a test needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from authrim.doctor.catalogue import CHECKS
from authrim.doctor.examination import examine
from authrim.doctor.examined import Options
from authrim.doctor.finding import Finding
from authrim.settings import Settings
from tests.support.running import MASTER_KEY, RunningServer, development_settings


def at(place: Path | str) -> dict[str, Any]:
    """The setting for a store that a fixture made."""
    return {"database": SecretStr(str(place))}


def settings_at(place: Path | str, **changes: Any) -> Settings:
    """Settings of a server in production over a store, which does not run."""
    values: dict[str, Any] = {"issuer": "https://login.example.com", "master_keys": (SecretStr(MASTER_KEY),)}
    return Settings(**(values | at(place) | changes))


def development(place: Path | str, port: int, **changes: Any) -> Settings:
    """Settings of a server for development over a store."""
    return development_settings(port, **at(place), **changes)


async def findings(settings: Settings, *checks: str, options: Options | None = None) -> Mapping[str, Finding]:
    """What these checks find, by its id; without names, what all find. None of them may be passed over in silence."""
    wanted = [check for check in CHECKS if not checks or check.id in checks]
    assert len(wanted) == len(checks or CHECKS)
    found: dict[str, Finding] = {}
    async for result in examine(settings, options or Options(), wanted):
        declared = {problem.id for problem in result.check.problems}
        for finding in result.findings:
            assert finding.problem.id in declared
            found[finding.problem.id] = finding
    return found


async def faults(server: RunningServer, place: Path | str, *checks: str, **options: Any) -> set[str]:
    """The ids of what is found at a running server, without notes."""
    settings = server.core.settings.model_copy(update=at(place))
    found = await findings(settings, *checks, options=Options(**options))
    return {finding.problem.id for finding in found.values() if finding.problem.severity != "note"}
