"""The conformance suite's API, as far as the scripts here ask it (its own page of it: ``/swagger-ui/``)."""

import json
import ssl
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

TIMEOUT = 60


@dataclass(frozen=True)
class Suite:
    """A running suite in developer mode, in which its API asks for no token; ``ca_file`` has its authority."""

    url: str
    ca_file: str | None = None

    def plan(self, plan_id: str) -> Any:
        """A plan with its variant and the instances of its modules."""
        return self._ask(f"/api/plan/{quote(plan_id)}")

    def info(self, test_id: str) -> Any:
        """The status and the result of a module that was run."""
        return self._ask(f"/api/info/{quote(test_id)}")

    def create(self, plan_id: str, module: str, variant: dict[str, str]) -> str:
        """Create a module of the plan again; its id."""
        asked = {"test": module, "plan": plan_id, "variant": json.dumps(variant)}
        return str(self._ask("/api/runner?" + urlencode(asked), b"")["id"])

    def start(self, test_id: str) -> None:
        """Press its "Start"."""
        self._ask(f"/api/runner/{quote(test_id)}", b"")

    def wait_for(self, test_id: str, *states: str) -> None:
        """Wait until the module is in one of these states."""
        asked = urlencode({"states": ",".join(states), "timeoutMs": 30000})
        while "state" not in self._ask(f"/api/runner/{quote(test_id)}/wait-state?{asked}"):
            pass

    def export(self, plan_id: str, folder: Path) -> Path:
        """Write what the suite exports of the plan into the folder, named as the suite names it."""
        with self._answer(f"/api/plan/export/{quote(plan_id)}") as answer:
            disposition = answer.headers["Content-Disposition"]
            file = folder / Path(disposition.partition('filename="')[2].rstrip('"')).name
            file.write_bytes(answer.read())
        return file

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        with self._answer(path, body) as answer:
            return json.load(answer)

    def _answer(self, path: str, body: bytes | None = None) -> Any:
        trust = ssl.create_default_context(cafile=self.ca_file)
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url.rstrip("/") + path, data=body, headers=headers)  # noqa: S310
        return urllib.request.urlopen(request, context=trust, timeout=TIMEOUT)  # noqa: S310
