"""The log lines of a process: their names, their level while it runs, and which of them are written."""

import json
import subprocess
import sys
from typing import Any

import pytest
from structlog.testing import capture_logs

from authrim import __version__
from authrim.outside.sampling import REQUEST_LINES, Sampling
from authrim.web import middleware
from tests.support.running import RunningServer

ON_SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

_IN_ECS = """
import logging, structlog
from authrim.outside.telemetry import configure
configure("ecs")
log = structlog.get_logger()
log.info("request", method="POST", route="token", status=200, milliseconds=3.18, trace_id="a", span_id="b")
log.info("request", method="GET", route="login", status=400, milliseconds=1.0, error_id="c")
log.info("request", method="GET", route="login", status="client gone", milliseconds=1.0)
log.error("worker.died", status=-9, restart_in_seconds=0.5, exc_info=ValueError("canary"))
logging.getLogger("asyncio").warning("slow")
"""

_WHILE_IT_RUNS = """
import logging, structlog
from authrim.outside.telemetry import configure, set_level
configure()
log, library = structlog.get_logger(), logging.getLogger("asyncio")
for level in ("INFO", "ERROR", "DEBUG"):
    set_level(getattr(logging, level))
    log.debug(f"debug at {level}")
    log.info(f"info at {level}")
    library.info(f"library at {level}")
    library.warning(f"warning at {level}")
"""


def lines_of(script: str) -> list[dict[str, Any]]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert b"canary" not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_lines_have_the_names_of_ecs() -> None:
    """The fields that ECS has a name for have it, the others are below ours, and the same name always has one type."""
    answered, refused, gone, died, library = lines_of(_IN_ECS)
    assert list(answered)[:4] == ["@timestamp", "log.level", "message", "ecs.version"]
    assert {name: answered[name] for name in list(answered)[5:]} == {
        "service.version": __version__,
        "event.dataset": "authrim.log",
        "event.action": "request",
        "http.request.method": "POST",
        "event.duration": 3_180_000,
        "event.outcome": "success",
        "http.response.status_code": 200,
        "trace.id": "a",
        "span.id": "b",
        "authrim": {"route": "token"},
    }
    assert (refused["event.outcome"], refused["error.id"]) == ("failure", "c")
    assert gone["event.outcome"] == "failure"
    assert "http.response.status_code" not in gone
    assert (died["log.level"], died["error.type"]) == ("error", "ValueError")
    assert died["authrim"] == {"status": -9, "restart_in_seconds": 0.5}
    assert (library["message"], library["log.logger"], library["service.name"]) == (
        "slow",
        "asyncio",
        "authrim",
    )


def test_the_level_changes_while_the_process_runs() -> None:
    """Loggers that were used before follow another level, in both directions. Libraries are heard from warnings on."""
    assert [line["event"] for line in lines_of(_WHILE_IT_RUNS)] == [
        "info at INFO",
        "warning at INFO",
        "debug at DEBUG",
        "info at DEBUG",
        "warning at DEBUG",
    ]


def test_a_sample_is_taken_by_chance() -> None:
    """One in ten takes about a tenth, and one in one takes all."""
    sampling = Sampling()
    assert all(sampling.takes() for _ in range(100))
    sampling.one_in = 10
    assert 700 < sum(sampling.takes() for _ in range(10_000)) < 1300


@ON_SQLITE
async def test_only_successes_are_sampled(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where successes are sampled, a refusal and a slow request are written all the same, and a line that was chosen
    says how many it stands for."""
    service = await server.client("service")
    form = {"grant_type": "client_credentials"}

    async def written(headers: dict[str, str]) -> list[Any]:
        with capture_logs() as lines:
            await server.post("/token", form, headers)
        return [line for line in lines if line["event"] == "request"]

    (whole,) = await written(service.basic)
    assert "sample" not in whole
    monkeypatch.setattr(REQUEST_LINES, "one_in", 10**12)
    assert await written(service.basic) == []
    (refused,) = await written({})
    assert (refused["status"], "sample" in refused) == (401, False)
    monkeypatch.setattr(middleware, "_SLOW_MILLISECONDS", 0)
    (slow,) = await written(service.basic)
    assert (slow["status"], "sample" in slow) == (200, False)
    monkeypatch.undo()
    monkeypatch.setattr(REQUEST_LINES, "one_in", 2)
    monkeypatch.setattr(REQUEST_LINES, "takes", lambda: True)
    (chosen,) = await written(service.basic)
    assert chosen["sample"] == 2
