"""A real Prometheus with the rules of operators, every window and wait of which is cut down to seconds: what they ask
for, and beyond which value, stays."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import answers, wait_until

RULES = Path(__file__).parents[3] / "deploy" / "prometheus"
WINDOW = "20s"


class Prometheus:
    """Prometheus with our rules, as it answers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def firing(self) -> set[tuple[str, str]]:
        """The alerts that fire, with their severity."""
        found = requests.get(f"{self.url}/api/v1/alerts", timeout=PATIENCE).json()["data"]["alerts"]
        for one in found:
            assert one["annotations"]["runbook_url"].endswith(f"{one['labels']['alertname']}.md")
            assert "<no value>" not in json.dumps(one["annotations"])
            assert "error expanding" not in json.dumps(one["annotations"])
        return {
            (one["labels"]["alertname"], one["labels"]["severity"])
            for one in found
            if one["state"] == "firing"
        }

    def wait_for(self, *alerts: tuple[str, str], while_doing: Callable[[], object] = lambda: None) -> None:
        """Wait until all of them have fired, with what makes them, again and again."""
        missing, until = set(alerts), time.monotonic() + 6 * PATIENCE
        while missing := missing - self.firing():
            assert time.monotonic() < until, missing
            while_doing()
            time.sleep(0.2)

    def value(self, query: str) -> list[dict[str, Any]]:
        """What a query finds now."""
        asked = requests.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=PATIENCE).json()
        assert asked["status"] == "success", (query, asked)
        return list(asked["data"]["result"])


def in_seconds(text: str, window: str = WINDOW) -> str:
    """Rules whose windows and waits are seconds."""
    text = re.sub(r"\[\d+[smhd]\]", f"[{window}]", text)
    text = re.sub(r"offset \d+[smhd]", f"offset {window}", text)
    return re.sub(r"for: \d+[smhd]", "for: 0s", text)


@contextmanager
def prometheus(folder: Path, *targets: int, window: str = WINDOW) -> Iterator[Prometheus]:
    """Prometheus, scraping once per second. ``window``: what every window of the rules is cut down to."""
    for file in RULES.glob("authrim.*.yml"):
        (folder / file.name).write_text(in_seconds(file.read_text(), window))
    config = (RULES / "prometheus.yml").read_text().replace("15s", "1s")
    listed = ", ".join(f'"127.0.0.1:{port}"' for port in targets)
    (folder / "prometheus.yml").write_text(config.replace('"127.0.0.1:9464"', listed))
    port = free_port()
    command = (
        "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    )  # fmt: skip
    with subprocess.Popen(command) as process:
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"))
            yield Prometheus(port)
        finally:
            process.terminate()
