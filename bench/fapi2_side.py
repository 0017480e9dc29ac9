"""A server in the FAPI 2 benchmark, and the prepared input of each step for wrk."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

from bench.answers import WrongAnswerError, check_signed, wrong_unless_it_holds
from bench.fapi2_client import Fapi2Client
from bench.http_client import CHALLENGE, REDIRECT_URI, VERIFIER
from bench.load import Load
from bench.measure import Measurement
from bench.side import Side

BROWSERS = 64
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Server(NamedTuple):
    """A server, and its endpoints that other cells do not use."""

    side: Side
    par: str
    userinfo: str


class Fapi2Side:
    """One server and its client. Each step writes a file that the next step starts from."""

    def __init__(self, server: Server, client: Fapi2Client, folder: Path) -> None:
        self.side = server.side
        self._par, self._userinfo = server.par, server.userinfo
        self._client = client
        self._folder = folder / f"{self.side.name}-fapi2"
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

    def check(self, step: str, wanted: int, measured: Measurement) -> None:
        """Refuse a run in which not everything succeeded, and one whose tokens are not bound to their keys."""
        succeeded = self.left(step)
        if measured.errors or measured.wrong or succeeded != wanted:
            wrong = (self._folder / "wrong").read_text().splitlines()
            raise WrongAnswerError(f"{step}: {succeeded} of {wanted} succeeded in time: {'; '.join(wrong)}")
        if step in {"flow", "token"}:
            left = self._left_by(step)
            for tokens in left[-1:] if self.side.forgets else (left[0], left[-1]):
                self._check_bound(*tokens)

    def _check_bound(self, access_token: str, id_token: str) -> None:
        """Userinfo takes the access token with a proof by its key, and not as a bearer token (RFC 9449 §7.1)."""
        with wrong_unless_it_holds():
            check_signed(self.side, id_token, self._client.client_id)
        self._fresh_nonce()
        _, proof = self._for_userinfo(access_token, id_token)
        headers = {"Authorization": f"DPoP {access_token}", "DPoP": proof}
        answers = [
            self.side.client().request("GET", self._userinfo, more_headers=sent).status
            for sent in (headers, {"Authorization": f"Bearer {access_token}"})
        ]
        if answers != [200, 401]:
            raise WrongAnswerError(f"userinfo with a proof and without: {answers}, not 200 and 401")

    def _for_flow(self, key: int) -> list[str]:
        return [*self._for_par(key), *self._for_token(key)]

    def _for_par(self, key: int) -> list[str]:
        url = self.side.url(self._par)
        return [str(key), self._client.assertion(), self._client.proof(key, "POST", url)]

    def _for_token(self, key: int) -> list[str]:
        url = self.side.url(self.side.paths.token)
        return [self._client.assertion(), self._client.proof(key, "POST", url)]

    def _for_userinfo(self, access_token: str, id_token: str) -> list[str]:
        """The nonce of the ID token is the number of the key that the access token is bound to."""
        url = self.side.url(self._userinfo)
        return [access_token, self._client.proof(_nonce_of(id_token), "GET", url, access_token)]

    def _load(self, step: str, seeds: Iterable[list[str]]) -> Load:
        environment = {
            "STEP": step,
            "SEEDS": self._write("seeds", ("\t".join(fields) for fields in seeds)),
            "COOKIES": str(self._folder / "cookies"),
            "OUT": str(self._folder / f"left-by-{step}"),
            "WRONG": self._write("wrong", []),
            "PAR": self._par,
            "PAR_BODY": urlencode(self._request()),
            "AUTHORIZE": f"{self.side.paths.authorize}?client_id={quote(self._client.client_id)}",
            "TOKEN": self.side.paths.token,
            "TOKEN_BODY": urlencode(self._redemption()),
            "USERINFO": self._userinfo,
        }
        return Load(self.side.url("/"), "fapi2.lua", environment)

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
            client_id = quote(self._client.client_id)
            path = f"{self.side.paths.authorize}?client_id={client_id}&request_uri={self._push(key)}"
            cookies = self.side.sign_in(path).cookies
            yield "; ".join(
                f"{name}={value}" for name, value in cookies.items() if self.side.is_session(name)
            )

    def _push(self, key: int) -> str:
        url = self.side.url(self._par)
        form = self._request() | {
            "state": "sign-in", "client_assertion_type": _ASSERTION_TYPE, "client_assertion": self._client.assertion(),
        }  # fmt: skip
        answer = self.side.client().request(
            "POST", self._par, form, more_headers={"DPoP": self._client.proof(key, "POST", url)}
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
        url = self.side.url(self.side.paths.token)
        self._client.nonce = ""
        proof = self._client.proof(0, "POST", url)
        answer = self.side.client().request("POST", self.side.paths.token, form, more_headers={"DPoP": proof})
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
