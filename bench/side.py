"""A server in the comparison: how it is started, and what is sent to it for each cell.

What differs between servers is in their classes. What is sent, and what a right answer has in it, is the same for all.
"""

import json
import os
import re
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from bench.http_client import REDIRECT_URI, VERIFIER, Client, authorize_path
from bench.load import Load
from bench.measure import children

#: People who are signed in, and chains of refresh tokens: more than there are connections.
SEEDS: Final = 64
_LONGEST_START: Final = 120
ROOT: Final = Path(__file__).parents[1]
DISCOVERY: Final = "/.well-known/openid-configuration"
#: A pattern of Lua that every right answer has in it; same.lua, refresh.lua and flow.lua count the others as wrong.
EXPECTED: Final = {
    "cc_jwt": '"access_token":%s*"eyJ',
    "cc_opaque": '"access_token":%s*"',
    "introspect": '"active":%s*true',
    "introspect_jwt": '"active":%s*true',
    "refresh": '"id_token":%s*"eyJ',
    "code_flow": '"id_token":%s*"eyJ',
    "discovery": '"token_endpoint":',
    "jwks": '"keys":',
}


class Launch(NamedTuple):
    """How a server is started, and which of our open files it gets."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    files: tuple[int, ...] = ()


class Paths(NamedTuple):
    """Where a server's endpoints are."""

    token: str
    authorize: str
    introspect: str
    jwks: str = "/jwks"


class Side(ABC):
    """A server of the comparison. ``name`` is its key in results, ``title`` its name for people."""

    name: str
    title: str
    paths: Paths
    host = "127.0.0.1"
    #: Whether it introspects signed access tokens; a server that does not is asked about an opaque one.
    introspects_jwt = True
    #: Whether it keeps no more than the newest things, so that an older token of a run may be gone.
    forgets = False

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder / self.name
        self._folder.mkdir(exist_ok=True)
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._sessions: list[Client] = []
        self.startup_seconds = 0.0

    @abstractmethod
    def launch(self) -> Launch:
        """How it is started."""

    @abstractmethod
    def basic(self, form: str) -> str:
        """The credentials of the client whose access tokens have this form: ``jwt`` or ``opaque``."""

    @abstractmethod
    def client_of(self, form: str) -> str:
        """The id of that client."""

    @abstractmethod
    def sign_in(self, path: str) -> Client:
        """A browser that signed in on the way of the authorization request at ``path``."""

    def client_credentials(self, form: str) -> dict[str, str]:  # noqa: ARG002 - peers need it
        """The form of a client credentials request for an access token of this form."""
        return {"grant_type": "client_credentials", "scope": "api"}

    def is_session(self, cookie: str) -> bool:
        """Whether the cookie of this name is that of a session."""
        return "session" in cookie

    def answering(self) -> list[int]:
        """The processes that answer requests."""
        return [self.pid]

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def processes(self) -> list[int]:
        """All its processes."""
        found = [self.pid]
        for pid in found:
            found += children(pid)
        return found

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Started, and stopped in the end."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Start it and wait for its first answer."""
        launch = self.launch()
        self._sessions = []
        started = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                launch.command,
                cwd=launch.folder,
                env={**os.environ, **launch.environment},
                stdout=log,
                stderr=log,
                pass_fds=launch.files,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        self.startup_seconds = time.monotonic() - started

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> Path:
        """What it printed."""
        return self._folder / "log"

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _LONGEST_START
        while True:
            try:
                if self.client().request("GET", self.paths.jwks).status == 200:
                    return
            except OSError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.title} does not answer:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.005)

    @property
    def port(self) -> int:
        """The port of the server."""
        return self._port

    def url(self, path: str) -> str:
        """A path of this server as a URL."""
        return f"http://{self.host}:{self._port}{path}"

    def client(self) -> Client:
        """A new connection without cookies."""
        return Client(self._port, self.host)

    def load(self, cell: str) -> Load:
        """What wrk sends for a cell, with new seeds."""
        opaque = {"BASIC": self.basic("opaque")}
        match cell:
            case "cc_jwt" | "cc_opaque":
                form = cell.removeprefix("cc_")
                body = "&".join(f"{name}={value}" for name, value in self.client_credentials(form).items())
                return self._load(
                    cell, "same.lua", self.paths.token, {"BASIC": self.basic(form), "BODY": body}
                )
            case "introspect" | "introspect_jwt":
                form = "jwt" if cell == "introspect_jwt" and self.introspects_jwt else "opaque"
                body = f"token={self.access_token(form)}"
                return self._load(
                    cell, "same.lua", self.paths.introspect, {"BASIC": self.basic(form), "BODY": body}
                )
            case "refresh":
                seeds = self._write(
                    "seeds", [self.code_flow(one)["refresh_token"] for one in self.signed_in()]
                )
                return self._load(cell, "refresh.lua", self.paths.token, {**opaque, "SEEDS": seeds})
            case "code_flow":
                return self._load(cell, "flow.lua", "/", opaque | self._flow())
            case _:
                path = DISCOVERY if cell == "discovery" else self.paths.jwks
                return self._load(cell, "same.lua", path, {"METHOD": "GET"})

    def _load(self, cell: str, script: str, path: str, environment: Mapping[str, str]) -> Load:
        checks = {
            "EXPECTED": EXPECTED[cell],
            "KEPT": self._write("kept", []),
            "WRONG": self._write("wrong", []),
        }
        return Load(self.url(path), script, {**environment, **checks})

    def kept(self) -> list[str]:
        """The answers of the last run that its script kept to be looked at."""
        return (self._folder / "kept").read_text().splitlines()

    def wrong(self) -> list[str]:
        """The first wrong answers of the last run, with their status."""
        return (self._folder / "wrong").read_text().splitlines()

    def _flow(self) -> dict[str, str]:
        return {
            "SEEDS": self._write("seeds", [self.session_cookies(one) for one in self.signed_in()]),
            "AUTHORIZE": self._authorization_request,
            "TOKEN": self.paths.token,
            "TAIL": f"&redirect_uri=https%3A%2F%2Frp.example%2Fcb&code_verifier={VERIFIER}",
        }

    def _write(self, name: str, lines: Sequence[str]) -> str:
        path = self._folder / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return str(path)

    @property
    def _authorization_request(self) -> str:
        return authorize_path(self.paths.authorize, self.client_of("opaque"), "openid offline_access")

    def signed_in(self) -> list[Client]:
        """Browsers that are signed in."""
        if not self._sessions or self.forgets:
            self._sessions = [self.browser() for _ in range(SEEDS)]
        return self._sessions

    def browser(self) -> Client:
        """A browser that has signed in just now."""
        return self.sign_in(self._authorization_request)

    def session_cookies(self, browser: Client | None = None) -> str:
        """The cookies of the session of a browser, or of one that signs in now."""
        cookies = (browser or self.browser()).cookies
        return "; ".join(f"{name}={value}" for name, value in cookies.items() if self.is_session(name))

    def introspected(self, form: str, token: str) -> dict[str, Any]:
        """What the introspection endpoint tells the client with tokens of this form."""
        answer = self.client().request("POST", self.paths.introspect, {"token": token}, self.basic(form))
        assert answer.status == 200, answer
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def is_active(self, token: str) -> bool:
        """Whether an opaque token is active."""
        return bool(self.introspected("opaque", token)["active"])

    def access_token(self, form: str) -> str:
        """A new access token of this form."""
        answer = self.client().request(
            "POST", self.paths.token, self.client_credentials(form), self.basic(form)
        )
        assert answer.status == 200, answer
        return str(json.loads(answer.body)["access_token"])

    def code_flow(self, browser: Client) -> dict[str, Any]:
        """The tokens for a person who is signed in."""
        # A new connection: the browser may have been silent for long.
        connection = self.client()
        connection.cookies = browser.cookies
        answer = connection.request("GET", self._authorization_request)
        code = re.search(r"[?&]code=([^&]+)", answer.location or "")
        assert code is not None, answer
        form = {"code": code[1], "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        return self.tokens({"grant_type": "authorization_code", **form})

    def tokens(self, form: Mapping[str, str]) -> dict[str, Any]:
        """What the token endpoint answers the opaque client."""
        answer = self.client().request("POST", self.paths.token, form, self.basic("opaque"))
        assert answer.status == 200, answer
        tokens: dict[str, Any] = json.loads(answer.body)
        return tokens
