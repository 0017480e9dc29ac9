"""Authrim's side of the benchmark: a running server with clients and a person, and the load for each cell."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from authrim.clients.records import create_client
from authrim.core.master_proof import master_keys_of
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.passwords import Passwords
from authrim.people.accounts import create_account
from authrim.people.new_account import AccountRequest, AccountStore
from authrim.settings import Settings
from authrim.store.migrate import migrate
from authrim.store.opening import open_store
from bench import http_client
from bench.http_client import REDIRECT_URI, VERIFIER, Client, authorize_path, basic, hidden_fields
from bench.load import Load
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.postgres_cluster import Cluster
from tests.support.ports import free_port
from tests.support.running import MASTER_KEY

_LOGIN, _PASSWORD = "bench", "a password for the benchmark"
_SEEDS = 64
_COMMON: dict[str, Any] = {
    "redirect_uris": (REDIRECT_URI,),
    "grant_types": ("authorization_code", "refresh_token", "client_credentials"),
    "scope": ("openid", "offline_access", "api"),
    "id_token_signed_response_alg": "ES256",
    "access_token_signing_alg": "ES256",
    "access_token_lifetime": 3600,
    "skip_consent": True,
}
_CLIENTS = {
    form: ClientMetadata(client_name=form, access_token_format=form, **_COMMON) for form in ("jwt", "opaque")
}

#: Becomes a command that finds a socket where systemd puts it (sd_listen_fds(3)).
_PASSED_ON = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


class AuthrimSide:
    """A running server, and what its clients need to know."""

    name = "authrim"

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self.pid = 0
        self.startup_seconds = 0.0
        self._basic: dict[str, str] = {}
        self.client_id: dict[str, str] = {}

    @classmethod
    @contextmanager
    def started(
        cls,
        folder: Path,
        cluster: Cluster | None,
        clients: Mapping[str, ClientMetadata] = _CLIENTS,
        sock: socket.socket | None = None,
        **settings: Any,
    ) -> Iterator[Self]:
        """Start a server on PostgreSQL, or on SQLite if there is no cluster, with the given clients. ``sock``: it
        listens there, as a service manager's."""
        port = free_port() if sock is None else sock.getsockname()[1]
        side = cls(folder, port)
        database = cluster.dsn(cluster.new_database()) if cluster else str(folder / "authrim.db")
        values = {
            "issuer": f"http://localhost:{port}", "development": True, "host": "localhost", "port": port,
            "database": database, "master_keys": [MASTER_KEY], "signing_algorithms": ["ES256", "RS256"],
            "log_level": "warning", "authorize_requests_per_minute": 100_000, **settings,
        }  # fmt: skip
        asyncio.run(side._furnish(values, clients))
        config = folder / "authrim.toml"
        config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
        started = time.monotonic()
        command = [sys.executable, "-m", "authrim", "--config", str(config), "serve"]
        if sock is None:
            process = subprocess.Popen(command)
        else:
            process = subprocess.Popen(
                [sys.executable, "-c", _PASSED_ON, str(sock.fileno()), *command], pass_fds=[sock.fileno()]
            )
        side.pid = process.pid
        try:
            side._wait()
            side.startup_seconds = time.monotonic() - started
            yield side
        finally:
            process.terminate()
            process.wait(20)

    async def _furnish(self, values: dict[str, Any], clients: Mapping[str, ClientMetadata]) -> None:
        settings = Settings(**values)
        await migrate(settings)
        store = open_store(settings)
        await store.open()
        master = master_keys_of(settings)
        passwords = Passwords()
        account = await create_account(
            AccountStore(store, PrivateData(store, master), master, passwords, DEFAULT_TENANT),
            AccountRequest(_LOGIN, _PASSWORD, {}),
        )
        assert not isinstance(account, Refusal)
        for name, metadata in clients.items():
            created = await create_client(store, DEFAULT_TENANT, metadata)
            assert not isinstance(created, Refusal), created.error_description
            self.client_id[name] = created.client.client_id
            self._basic[name] = basic(created.client.client_id, created.secret or "")
        passwords.close()
        await store.close()

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                if Client(self._port).request("GET", "/jwks").status == 200:
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def _sign_in(self) -> Client:
        return self.sign_in(authorize_path("/authorize", self.client_id["opaque"], "openid offline_access"))

    def url(self, path: str) -> str:
        """A path of this server as a URL."""
        return f"http://localhost:{self._port}{path}"

    def load(self, cell: str) -> Load:
        """What wrk sends for a cell. Seeds are generated again for each run."""
        match cell:
            case "cc_jwt" | "cc_opaque":
                body = "grant_type=client_credentials&scope=api"
                return Load(self.url("/token"), "same.lua", {"BASIC": self._basic[cell[3:]], "BODY": body})
            case "introspect" | "introspect_jwt":
                kind = "jwt" if cell == "introspect_jwt" else "opaque"
                environment = {"BASIC": self._basic[kind], "BODY": f"token={self._access_token(kind)}"}
                return Load(self.url("/introspect"), "same.lua", environment)
            case "refresh":
                tokens = [self._code_flow(self._sign_in())["refresh_token"] for _ in range(_SEEDS)]
                environment = {"BASIC": self._basic["opaque"], "SEEDS": self._seeds(tokens)}
                return Load(self.url("/token"), "refresh.lua", environment)
            case "code_flow":
                return Load(self.url("/"), "flow.lua", self._flow_environment())
            case _:
                path = {"discovery": "/.well-known/openid-configuration", "jwks": "/jwks"}[cell]
                return Load(self.url(path), "same.lua", {"METHOD": "GET"})

    def _flow_environment(self) -> dict[str, str]:
        sessions = []
        for _ in range(_SEEDS):
            cookies = self._sign_in().cookies
            sessions.append(
                "; ".join(f"{name}={value}" for name, value in cookies.items() if "session" in name)
            )
        return {
            "BASIC": self._basic["opaque"],
            "SEEDS": self._seeds(sessions),
            "AUTHORIZE": authorize_path("/authorize", self.client_id["opaque"], "openid offline_access"),
            "TOKEN": "/token",
            "TAIL": f"&redirect_uri=https%3A%2F%2Frp.example%2Fcb&code_verifier={VERIFIER}",
        }

    def _seeds(self, values: list[str]) -> str:
        path = self._folder / "authrim-seeds"
        path.write_text("\n".join(values) + "\n")
        return str(path)

    def _access_token(self, kind: str) -> str:
        form = {"grant_type": "client_credentials", "scope": "api"}
        answer = Client(self._port).request("POST", "/token", form, self._basic[kind])
        return str(json.loads(answer.body)["access_token"])

    @property
    def port(self) -> int:
        """The port of the server."""
        return self._port

    def basic_of(self, kind: str) -> str:
        """The credentials of a client, as HTTP Basic has them."""
        return self._basic[kind]

    def session_cookies(self) -> str:
        """The cookies of a browser that has signed in."""
        cookies = self._sign_in().cookies
        return "; ".join(f"{name}={value}" for name, value in cookies.items() if "session" in name)

    def is_active(self, token: str) -> bool:
        """Whether an opaque token is active."""
        answer = Client(self._port).request("POST", "/introspect", {"token": token}, self._basic["opaque"])
        return bool(json.loads(answer.body)["active"])

    def client(self) -> Client:
        """A new connection without cookies."""
        return Client(self._port)

    def sign_in(self, path: str) -> Client:
        """A browser that signed in on the page that the authorization request leads to."""
        client = self.client()
        page = self._follow(client, path)
        form = hidden_fields(page.body) | {"login": _LOGIN, "password": _PASSWORD, "action": "sign-in"}
        answer = client.request("POST", self._login_path, form)
        assert answer.location is not None, answer
        return client

    def _follow(self, client: Client, path: str) -> http_client.Answer:
        answer = client.request("GET", path)
        while answer.location is not None and answer.location.startswith(self.url("")):
            self._login_path = answer.location.removeprefix(self.url(""))
            answer = client.request("GET", self._login_path)
        return answer

    def _code_flow(self, client: Client) -> dict[str, Any]:
        path = authorize_path("/authorize", self.client_id["opaque"], "openid offline_access")
        location = client.request("GET", path).location or ""
        code = location.split("code=", 1)[1].split("&", 1)[0]
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }  # fmt: skip
        answer = client.request("POST", "/token", form, self._basic["opaque"])
        assert answer.status == 200, answer.body
        tokens: dict[str, Any] = json.loads(answer.body)
        return tokens
