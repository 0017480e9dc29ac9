"""Authrim in the comparison: a running server with clients and a person."""

import asyncio
import json
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from authrim.clients.records import create_client
from authrim.core.master_proof import master_keys_of
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.passwords import Passwords
from authrim.people.accounts import create_account
from authrim.people.new_account import LOGIN_TAKEN, AccountRequest, AccountStore
from authrim.settings import Settings
from authrim.store.migrate import migrate
from authrim.store.opening import open_store
from bench.http_client import REDIRECT_URI, Answer, Client, basic, hidden_fields
from bench.side import ROOT, Launch, Paths, Side
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.postgres_cluster import Cluster
from tests.support.ports import free_port
from tests.support.running import MASTER_KEY

LOGIN, PASSWORD = "bench", "a password for the benchmark"
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


class AuthrimSide(Side):
    """A running server, and what its clients need to know."""

    name, title = "authrim", "Authrim"
    paths = Paths("/token", "/authorize", "/introspect")
    host = "localhost"

    def __init__(self, folder: Path, sock: socket.socket | None) -> None:
        super().__init__(folder, free_port() if sock is None else sock.getsockname()[1])
        self._sock = sock
        self._config = folder / "authrim.toml"
        self._login_path = ""
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
        side = cls(folder, sock)
        database = cluster.dsn(cluster.new_database()) if cluster else str(folder / "authrim.db")
        values = {
            "issuer": side.url(""), "development": True, "host": "localhost", "port": side._port,
            "database": database, "master_keys": [MASTER_KEY], "signing_algorithms": ["ES256", "RS256"],
            "log_level": "warning", "authorize_requests_per_minute": 100_000, **settings,
        }  # fmt: skip
        asyncio.run(side._furnish(values, clients))
        side._config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
        with side.running():
            yield side

    def launch(self) -> Launch:
        """``authrim serve`` with the file of its settings."""
        command = (sys.executable, "-m", "authrim", "--config", str(self._config), "serve")
        if self._sock is None:
            return Launch(command, ROOT, {})
        passed_on = (sys.executable, "-c", _PASSED_ON, str(self._sock.fileno()), *command)
        return Launch(passed_on, ROOT, {}, (self._sock.fileno(),))

    def basic(self, form: str) -> str:
        """The credentials of a client."""
        return self._basic[form]

    def client_of(self, form: str) -> str:
        """The id of a client."""
        return self.client_id[form]

    async def _furnish(self, values: dict[str, Any], clients: Mapping[str, ClientMetadata]) -> None:
        settings = Settings(**values)
        await migrate(settings)
        store = open_store(settings)
        await store.open()
        master = master_keys_of(settings)
        passwords = Passwords()
        account = await create_account(
            AccountStore(store, PrivateData(store, master), master, passwords, DEFAULT_TENANT),
            AccountRequest(LOGIN, PASSWORD, {}),
        )
        assert not isinstance(account, Refusal) or account == LOGIN_TAKEN  # a database from an earlier run
        for name, metadata in clients.items():
            created = await create_client(store, DEFAULT_TENANT, metadata)
            assert not isinstance(created, Refusal), created.error_description
            self.client_id[name] = created.client.client_id
            self._basic[name] = basic(created.client.client_id, created.secret or "")
        passwords.close()
        await store.close()

    def sign_in(self, path: str) -> Client:
        """A browser that signed in on the page that the authorization request leads to."""
        client = self.client()
        page = self._follow(client, path)
        form = hidden_fields(page.body) | {"login": LOGIN, "password": PASSWORD, "action": "sign-in"}
        answer = client.request("POST", self._login_path, form)
        assert "code=" in (answer.location or ""), answer
        return client

    def _follow(self, client: Client, path: str) -> Answer:
        answer = client.request("GET", path)
        while answer.location is not None and answer.location.startswith(self.url("")):
            self._login_path = answer.location.removeprefix(self.url(""))
            answer = client.request("GET", self._login_path)
        return answer
