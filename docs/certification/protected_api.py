"""An API for the suite's clients to call where there is no userinfo endpoint for them: without OpenID Connect.

``python docs/certification/protected_api.py --config authrim.toml --trusted FILE --url https://HOST:PORT/PATH``

It is a resource server as RFC 7662 has it: it asks the server about each token, and holds the request to the key that
the token is bound to, with the same check of DPoP proofs and of certificates as the server's own resources. It has
the server's TLS, and registers itself. Runs until it is ended.
"""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import hdrs, web

from authrim.clients.authentication.shown_certificate import presented_certificate
from authrim.protocol import dpop
from authrim.tokens.interaction_id import tell_interaction_id
from authrim.wire.limits import Limits
from authrim.wire.listener import start_site
from authrim.wire.tls import Tls
from domain.errors import Refusal
from domain.vocabulary.confirmation import Confirmation

SCHEMES = {"bearer": "Bearer", "dpop": "DPoP"}


class Api:
    """What answers at ``url``. ``credentials``: its ``Authorization`` at the introspection endpoint."""

    def __init__(self, url: str, introspection: str, credentials: str, trusted: Path) -> None:
        self._url = url
        self._introspection = introspection
        self._credentials = credentials
        self._trusted = ssl.create_default_context(cafile=trusted)
        self._used: dict[str, int] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """GET or POST: what the token is good for; or the challenge of RFC 6750 §3, RFC 9449 §7.1."""
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        scheme = SCHEMES.get(scheme.lower(), "")
        if not scheme or not token or len(request.headers.getall(hdrs.AUTHORIZATION)) > 1:
            return _challenge("Bearer", "")
        known = await self._known(token)
        if known is None or known["token_type"] != scheme:
            return _challenge(scheme or "Bearer", "invalid_token")
        proved = self._proved(request, token if scheme == "DPoP" else None)
        if isinstance(proved, Refusal):
            return _challenge(scheme, proved.error)
        bound_to = known.get("cnf", {})
        if not Confirmation(bound_to.get("jkt"), bound_to.get("x5t#S256")).is_proved_by(proved):
            return _challenge(scheme, "invalid_token")
        response = web.json_response({"scope": known["scope"]}, headers={hdrs.CACHE_CONTROL: "no-store"})
        tell_interaction_id(request, response)
        return response

    async def _known(self, token: str) -> dict[str, Any] | None:
        """What the server says of an active token that is for this API."""
        async with (
            aiohttp.ClientSession(headers={hdrs.AUTHORIZATION: self._credentials}) as session,
            session.post(self._introspection, data={"token": token}, ssl=self._trusted) as answer,
        ):
            said = await answer.json()
        return said if said["active"] and said["aud"] == self._url else None

    def _proved(self, request: web.Request, dpop_token: str | None) -> Confirmation | Refusal:
        """The keys that the request proves: of its proof, when the token came with that scheme, and certificate."""
        certificate = presented_certificate(request)
        if isinstance(certificate, Refusal):
            return certificate
        x5t_s256 = None if certificate is None else certificate.x5t_s256
        if dpop_token is None:
            return Confirmation(x5t_s256=x5t_s256)
        now = int(time.time())
        facts = dpop.ProofFacts(now, request.method, (self._url,), access_token=dpop_token)
        proof = dpop.check("", request.headers.getall("DPoP", ()), facts)
        if isinstance(proof, Refusal):
            return proof
        self._used = {key: until for key, until in self._used.items() if until > now}
        if proof.once.key in self._used:
            return dpop.REUSED
        self._used[proof.once.key] = proof.once.expires_at
        return Confirmation(proof.jkt, x5t_s256)


def _challenge(scheme: str, error: str) -> web.Response:
    parameters = ['realm="API"']
    if error:
        parameters.append(f'error="{error}"')
    if scheme == "DPoP":
        parameters.append(f'algs="{" ".join(dpop.ALGORITHMS)}"')
    return web.Response(status=401, headers={hdrs.WWW_AUTHENTICATE: f"{scheme} {', '.join(parameters)}"})


def register(config: Path, url: str) -> str:
    """Register the API as an administrator does; what it authenticates with."""
    command = [sys.executable, "-m", "authrim", "--config", str(config), "--json", "client", "create"]
    command += ["--service", "--name", "API", "--introspect", "--protected-resource", url]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise SystemExit(made.stdout + made.stderr)
    client = json.loads(made.stdout)
    return aiohttp.encode_basic_auth(client["client_id"], client["client_secret"])


async def main() -> None:
    """Register, and answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=Path, help="the server's settings")
    parser.add_argument("--url", required=True, help="where it is to answer, and what tokens are for")
    parser.add_argument("--trusted", required=True, type=Path, help="who issued the server's certificate")
    given = parser.parse_args()
    settings = tomllib.loads(given.config.read_text())
    credentials = register(given.config, given.url)
    api = Api(given.url, f"{settings['issuer']}/introspect", credentials, given.trusted)
    where = urlsplit(given.url)
    app = web.Application()
    app.router.add_route("*", where.path, api.answer)
    tls = Tls(Path(settings["tls_certificate"]), Path(settings["tls_key"]), ask_clients=True)
    await start_site(app, "127.0.0.1", where.port, limits=Limits(), tls=tls)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
