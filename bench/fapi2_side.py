"""A server in the FAPI 2 benchmark, and the prepared input of each step for wrk."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

from bench.fapi2_client import Fapi2Client
from bench.http_client import CHALLENGE, REDIRECT_URI, VERIFIER, Client
from bench.load import Load

BROWSERS = 64
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Server(NamedTuple):
    """A server's endpoints, how a browser signs in, and the process that is measured."""

    name: str
    pid: int
    url: Callable[[str], str]
    connect: Callable[[], Client]
    sign_in: Callable[[str], Client]
    is_session: Callable[[str], bool]
    par: str
    authorize: str
    token: str
    userinfo: str


class Fapi2Side:
    """One server and its client. Each step writes a file that the next step starts from."""

    def __init__(self, server: Server, client: Fapi2Client, folder: Path) -> None:
        self.server = server
        self._client = client
        self._folder = folder / server.name
        self._folder.mkdir()
        self._scope = "openid offline_access"
        self._write("cookies", self._sessions())

    def load(self, step: str, flows: int) -> Load:
        """What wrk sends for whole flows or for one step, which starts from the output of the previous step."""
        self._fresh_nonce()
        match step:
            case "flow":
                seeds = (self._for_flow(number % BROWSERS) for number in range(flows))
            case "par":
                seeds = (self._for_par(number % BROWSERS) for number in range(flows))
            case "authorize":
                seeds = ([request_uri] for (request_uri,) in self._left_by("par"))
            case "token":
                seeds = ([code, *self._for_token(int(state))] for state, code in self._left_by("authorize"))
            case _:
                seeds = (self._for_userinfo(*tokens) for tokens in self._left_by("token"))
        return self._load(step, seeds)

    def left(self, step: str) -> int:
        """How many times a step succeeded."""
        return len(self._left_by(step))

    def _for_flow(self, key: int) -> list[str]:
        return [*self._for_par(key), *self._for_token(key)]

    def _for_par(self, key: int) -> list[str]:
        url = self.server.url(self.server.par)
        return [str(key), self._client.assertion(), self._client.proof(key, "POST", url)]

    def _for_token(self, key: int) -> list[str]:
        url = self.server.url(self.server.token)
        return [self._client.assertion(), self._client.proof(key, "POST", url)]

    def _for_userinfo(self, access_token: str, id_token: str) -> list[str]:
        """The nonce of the ID token is the number of the key that the access token is bound to."""
        url = self.server.url(self.server.userinfo)
        return [access_token, self._client.proof(_nonce_of(id_token), "GET", url, access_token)]

    def _load(self, step: str, seeds: Iterable[list[str]]) -> Load:
        environment = {
            "STEP": step,
            "SEEDS": self._write("seeds", ("\t".join(fields) for fields in seeds)),
            "COOKIES": str(self._folder / "cookies"),
            "OUT": str(self._folder / f"left-by-{step}"),
            "PAR": self.server.par,
            "PAR_BODY": urlencode(self._request()),
            "AUTHORIZE": f"{self.server.authorize}?client_id={quote(self._client.client_id)}",
            "TOKEN": self.server.token,
            "TOKEN_BODY": urlencode(self._redemption()),
            "USERINFO": self.server.userinfo,
        }
        return Load(self.server.url("/"), "fapi2.lua", environment)

    def _request(self) -> dict[str, str]:
        return {
            "client_id": self._client.client_id, "response_type": "code", "redirect_uri": REDIRECT_URI,
            "scope": self._scope, "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        }  # fmt: skip

    def _redemption(self) -> dict[str, str]:
        return {
            "client_id": self._client.client_id, "grant_type": "authorization_code",
            "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER,
        }  # fmt: skip

    def _sessions(self) -> Iterable[str]:
        for key in range(BROWSERS):
            self._fresh_nonce()
            path = f"{self.server.authorize}?client_id={quote(self._client.client_id)}&request_uri={self._push(key)}"
            cookies = self.server.sign_in(path).cookies
            yield "; ".join(
                f"{name}={value}" for name, value in cookies.items() if self.server.is_session(name)
            )

    def _push(self, key: int) -> str:
        url = self.server.url(self.server.par)
        form = self._request() | {
            "state": "sign-in", "client_assertion_type": _ASSERTION_TYPE, "client_assertion": self._client.assertion(),
        }  # fmt: skip
        answer = self.server.connect().request(
            "POST", self.server.par, form, more_headers={"DPoP": self._client.proof(key, "POST", url)}
        )
        assert answer.status == 201, answer
        return str(json.loads(answer.body)["request_uri"])

    def _fresh_nonce(self) -> None:
        """Get the newest nonce. A server that requires nonces returns it for a request without one."""
        if self._client.nonce is None:
            return
        form = self._redemption() | {
            "code": "none", "client_assertion_type": _ASSERTION_TYPE, "client_assertion": self._client.assertion(),
        }  # fmt: skip
        url = self.server.url(self.server.token)
        self._client.nonce = ""
        proof = self._client.proof(0, "POST", url)
        answer = self.server.connect().request("POST", self.server.token, form, more_headers={"DPoP": proof})
        assert answer.nonce, answer
        self._client.nonce = answer.nonce

    def _left_by(self, step: str) -> list[list[str]]:
        return [line.split("\t") for line in (self._folder / f"left-by-{step}").read_text().splitlines()]

    def _write(self, name: str, lines: Iterable[str]) -> str:
        path = self._folder / name
        with path.open("w") as file:
            file.writelines(f"{line}\n" for line in lines)
        return str(path)


def _nonce_of(id_token: str) -> int:
    payload = id_token.split(".")[1]
    return int(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["nonce"])
