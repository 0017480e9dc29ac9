"""A server that answers as a peer of the benchmark does, and wrongly where a test wants it to."""

import json
import secrets
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from bench.http_client import Client
from bench.side import DISCOVERY, Launch, Paths, Side
from tests.support.ports import free_port


class Peer(Side):
    """The side of such a server. ``fault`` is what it does wrongly."""

    name, title = "peer", "a peer"
    paths = Paths("/token", "/authorize", "/introspect")
    host = "127.0.0.1"

    def __init__(self, folder: Path, fault: str) -> None:
        super().__init__(folder, free_port())
        self.fault = fault
        self.key = ECKey.generate_key("P-256", {"kid": "first"})
        self.active: set[str] = set()
        self.fresh: set[str] = set()
        self.session = ""

    def launch(self) -> Launch:
        raise NotImplementedError

    def basic(self, form: str) -> str:
        return b64encode(f"{form}:secret".encode()).decode()

    def client_of(self, form: str) -> str:
        return form

    def sign_in(self, path: str) -> Client:
        client = self.client()
        client.cookies = {"session": "alice"}
        return client

    def keep(self, *answers: dict[str, Any]) -> None:
        """Answers of a run, as wrk keeps them."""
        (self._folder / "kept").write_text("".join(f"{json.dumps(answer)}\n" for answer in answers))
        (self._folder / "wrong").write_text("503 busy\n" if self.fault == "busy" else "")

    def issue(self, form: str) -> dict[str, Any]:
        """An access token."""
        token = self.signed("api") if form == "jwt" else f"at-{secrets.token_hex(8)}"
        if self.fault == "never active":
            return {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        self.active.add(token)
        lifetime = 0 if self.fault == "no lifetime" else 3600
        return {"access_token": token, "token_type": "Bearer", "expires_in": lifetime}

    def grant(self, used: str = "") -> dict[str, Any]:
        """Tokens for a person."""
        refresh = used if used and self.fault == "does not rotate" else f"rt-{secrets.token_hex(8)}"
        self.fresh.add(refresh)
        audience = "another" if self.fault == "another audience" else "opaque"
        return {**self.issue("opaque"), "refresh_token": refresh, "id_token": self.signed(audience)}

    def signed(self, audience: str) -> str:
        """A token with this audience."""
        now = int(time.time())
        claims = {"iss": self.url(""), "sub": "alice", "aud": audience, "iat": now, "exp": now + 60}
        if self.fault == "another issuer":
            claims["iss"] = "https://elsewhere.example"
        if self.fault == "expired":
            claims["exp"] = now - 1
        key = ECKey.generate_key("P-256", {"kid": "first"}) if self.fault == "another key" else self.key
        return jwt.encode({"alg": "ES256", "kid": "first"}, claims, key)

    def answer(self, path: str, form: dict[str, str], client: str) -> tuple[int, dict[str, Any]]:
        """What it says to a request."""
        match path, form.get("grant_type"):
            case "/introspect", _:
                return 200, {"active": self.fault == "always active" or form["token"] in self.active}
            case "/token", "client_credentials":
                return 200, self.issue(client)
            case "/token", "authorization_code":
                return 200, self.grant()
            case "/token", _:
                used = form["refresh_token"]
                if used not in self.fresh:
                    return 400, {"error": "invalid_grant"}
                if self.fault != "keeps used ones":
                    self.fresh.discard(used)
                return 200, self.grant(used)
            case _, _ if path == DISCOVERY:
                return 200, self.metadata()
            case _:
                return 200, self.keys()

    def metadata(self) -> dict[str, Any]:
        """Its discovery document."""
        issuer = "https://elsewhere.example" if self.fault == "another issuer" else self.url("")
        return {"issuer": issuer, "token_endpoint": self.url("/token")}

    def keys(self) -> dict[str, Any]:
        """Its key set."""
        return {"keys": [self.key.as_dict(private=self.fault == "private key")]}

    @contextmanager
    def listening(self) -> Iterator["Peer"]:
        """It answers on loopback."""
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path == "/authorize":
                    self.send_response(302)
                    self.send_header("Location", "https://rp.example/cb?code=c&state=xyz")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self._say(*peer.answer(path, {}, ""))

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(text).items()}
                opaque = self.headers["Authorization"] == f"Basic {peer.basic('opaque')}"
                self._say(*peer.answer(self.path, form, "opaque" if opaque else "jwt"))

            def _say(self, status: int, body: dict[str, Any]) -> None:
                encoded = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(encoded)))
                self.end_headers()
                self.wfile.write(encoded)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer((self.host, self._port), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
