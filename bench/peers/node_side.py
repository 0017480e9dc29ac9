"""node-oidc-provider, in PostgreSQL or in memory, on the version of Node.js that is pinned with it."""

import os
import re
import shutil
from pathlib import Path
from typing import Final

from bench.http_client import Client, basic
from bench.side import Launch, Paths, Side
from tests.postgres_cluster import Cluster
from tests.support.installing import node_packages
from tests.support.ports import free_port

SOURCE: Final = Path(__file__).parent / "node"
_SECRET: Final = "a secret of the benchmark, long enough".replace(" ", "-")


class NodeSide(Side):
    """A node-oidc-provider. Without a cluster it keeps everything in memory: its own default, for development."""

    paths = Paths("/token", "/auth", "/token/introspection")
    introspects_jwt = False

    def __init__(self, folder: Path, cluster: Cluster | None, **environment: str) -> None:
        self.name = "node-memory" if cluster is None else "node-postgresql"
        self.title = "node-oidc-provider, " + ("in memory" if cluster is None else "PostgreSQL")
        super().__init__(folder, free_port())
        self.forgets = cluster is None
        self._work = self._folder / "server"
        self._work.mkdir()
        for file in SOURCE.glob("*.mjs"):
            shutil.copy(file, self._work)
        (self._work / "node_modules").symlink_to(node_packages(SOURCE) / "node_modules")
        self._environment = {
            "PORT": str(self._port), "NODE_ENV": "production", "CLIENT_SECRET": _SECRET,
            "DATABASE_URL": "" if cluster is None else cluster.dsn(cluster.new_database("template0")),
            **environment,
        }  # fmt: skip

    def launch(self) -> Launch:
        """The server with its storage, in this run's copy."""
        return Launch((node_program(), "server.mjs"), self._work, self._environment)

    def basic(self, form: str) -> str:  # noqa: ARG002 - one client has both
        """The credentials of its one client."""
        return basic("bench", _SECRET)

    def client_of(self, form: str) -> str:  # noqa: ARG002
        """The id of its one client."""
        return "bench"

    def client_credentials(self, form: str) -> dict[str, str]:
        """A request that names the API gets a JWT, any other an opaque token."""
        grant = {"grant_type": "client_credentials"}
        return {**grant, "scope": "api", "resource": "urn:bench:api"} if form == "jwt" else grant

    def is_session(self, cookie: str) -> bool:
        """Its session has a cookie, and one with the signature."""
        return cookie.startswith("_session")

    def sign_in(self, path: str) -> Client:
        """A browser that was led past the stand-in of a page, up to a code."""
        client = self.client()
        for _ in range(6):
            answer = client.request("GET", path)
            assert answer.location is not None, answer
            if re.search(r"[?&]code=", answer.location):
                return client
            path = answer.location.removeprefix(self.url(""))
        raise RuntimeError("node-oidc-provider does not sign in")


def node_program() -> str:
    """The Node.js that is pinned with the peer; that of the system on other processors."""
    architecture = {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, "none")
    pinned = node_packages(SOURCE) / "node_modules" / f"node-linux-{architecture}" / "bin" / "node"
    return str(pinned) if pinned.exists() else "node"
