"""The peer's side: node-oidc-provider with a PostgreSQL adapter, from the folder that ``--peer`` names."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from bench.http_client import REDIRECT_URI, VERIFIER, Answer, Client, authorize_path, basic
from bench.load import Load
from tests.postgres_cluster import Cluster
from tests.support.ports import free_port

_SEEDS = 64
#: The port of PostgreSQL in the peer's adapter, which is replaced by ours.
_PEER_PORT = "55847"


class NodeSide:
    """A running node-oidc-provider with the client of its configuration."""

    name = "node-oidc-provider"

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._basic = basic("bench", "benchsecretbenchsecretbenchsecret")
        self._authorize = authorize_path("/auth", "bench", "openid")
        self.pid = 0
        self.startup_seconds = 0.0

    @classmethod
    @contextmanager
    def started(
        cls, folder: Path, source: Path, cluster: Cluster, server: Path | None = None, **environment: str
    ) -> Iterator[Self]:
        """Copy the peer's files, point its adapter to our cluster, install and start it.

        ``server`` is another server for the same adapter, with what it reads from its environment.
        """
        work = folder / "nodeop"
        shutil.copytree(source, work)
        for path in work.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        work.chmod(0o755)
        adapter = work / "pg_adapter.mjs"
        adapter.write_text(adapter.read_text().replace(_PEER_PORT, str(cluster.port)))
        if server is not None:
            shutil.copy(server, work / "server.mjs")
        cluster.execute("CREATE ROLE postgres SUPERUSER LOGIN")
        cluster.execute("CREATE DATABASE nodeop OWNER postgres")
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=work, check=True, timeout=300
        )
        side = cls(folder, free_port())
        variables = {
            **os.environ, "PORT": str(side._port), "ADAPTER": "pg", "NODE_ENV": "production", **environment,
        }  # fmt: skip
        started = time.monotonic()
        with (folder / "nodeop.log").open("w") as log:
            process = subprocess.Popen(
                ["node", "server.mjs"], cwd=work, env=variables, stdout=log, stderr=log
            )
        side.pid = process.pid
        try:
            side._wait()
            side.startup_seconds = time.monotonic() - started
            yield side
        finally:
            process.terminate()
            process.wait(20)

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                if self.client().request("GET", "/jwks").status == 200:
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def client(self) -> Client:
        """A new connection without cookies."""
        return Client(self._port, "127.0.0.1")

    def url(self, path: str) -> str:
        """A path of this server as a URL."""
        return f"http://127.0.0.1:{self._port}{path}"

    def load(self, cell: str) -> Load:
        """What wrk sends for a cell; seeds are generated again for each run."""
        grant = "grant_type=client_credentials"
        match cell:
            case "cc_jwt":
                body = f"{grant}&scope=api&resource=urn:bench:api"
                return Load(self.url("/token"), "same.lua", {"BASIC": self._basic, "BODY": body})
            case "cc_opaque":
                return Load(self.url("/token"), "same.lua", {"BASIC": self._basic, "BODY": grant})
            case "introspect" | "introspect_jwt":
                environment = {"BASIC": self._basic, "BODY": f"token={self._access_token()}"}
                return Load(self.url("/token/introspection"), "same.lua", environment)
            case "refresh":
                tokens = [self._tokens()["refresh_token"] for _ in range(_SEEDS)]
                return Load(
                    self.url("/token"), "refresh.lua", {"BASIC": self._basic, "SEEDS": self._seeds(tokens)}
                )
            case "code_flow":
                return Load(self.url("/"), "flow.lua", self._flow_environment())
            case _:
                path = {"discovery": "/.well-known/openid-configuration", "jwks": "/jwks"}[cell]
                return Load(self.url(path), "same.lua", {"METHOD": "GET"})

    def _flow_environment(self) -> dict[str, str]:
        sessions = []
        for _ in range(_SEEDS):
            cookies = self._sign_in()[0].cookies
            kept = (f"{name}={value}" for name, value in cookies.items() if name.startswith("_session"))
            sessions.append("; ".join(kept))
        return {
            "BASIC": self._basic,
            "SEEDS": self._seeds(sessions),
            "AUTHORIZE": self._authorize,
            "TOKEN": "/token",
            "TAIL": f"&redirect_uri=https%3A%2F%2Frp.example%2Fcb&code_verifier={VERIFIER}",
        }

    def _seeds(self, values: list[str]) -> str:
        path = self._folder / "node-seeds"
        path.write_text("\n".join(values) + "\n")
        return str(path)

    def _sign_in(self) -> tuple[Client, str]:
        return self.sign_in(self._authorize)

    def sign_in(self, path: str) -> tuple[Client, str]:
        """A browser that signed in with the peer's replacement of a page, and a code."""
        client = self.client()
        for _ in range(6):
            answer: Answer = client.request("GET", path)
            assert answer.location is not None, answer
            code = re.search(r"[?&]code=([^&]+)", answer.location)
            if code is not None:
                return client, code[1]
            path = answer.location.replace(self.url(""), "")
        raise RuntimeError("the peer does not sign in")

    def _tokens(self) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": self._sign_in()[1], "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }  # fmt: skip
        answer = self.client().request("POST", "/token", form, self._basic)
        assert answer.status == 200, answer.body
        tokens: dict[str, Any] = json.loads(answer.body)
        return tokens

    def _access_token(self) -> str:
        form = {"grant_type": "client_credentials"}
        answer = self.client().request("POST", "/token", form, self._basic)
        return str(json.loads(answer.body)["access_token"])
