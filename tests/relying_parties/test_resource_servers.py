"""Resource servers that nobody here wrote verify our access tokens: Authlib's of RFC 9068, and jose."""

from typing import Any

import pytest
from authlib.oauth2.rfc6750.errors import InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator

from tests.relying_parties.test_openid_client import program
from tests.support.resource_servers import API, FILES, resource_server, service_token
from tests.support.running import RunningServer

TYPS = ("at+jwt", "JWT")


class AuthlibValidator(JWTBearerTokenValidator):  # type: ignore[misc]
    """Authlib's resource server, with the keys that it was given."""

    def __init__(self, issuer: str, resource: str, jwks: dict[str, Any]) -> None:
        super().__init__(issuer=issuer, resource_server=resource)
        self._jwks = jwks

    def get_jwks(self) -> dict[str, Any]:
        return self._jwks

    def accepts(self, token: str, scope: str) -> bool:
        try:
            self.validate_token(self.authenticate_token(token), [scope], None)
        except InvalidTokenError:
            return False
        return True


@pytest.mark.parametrize("typ", TYPS)
async def test_authlib_takes_what_rfc_9068_says(server: RunningServer, typ: str) -> None:
    """RFC 9068 §4: ``at+jwt`` is accepted by its own resource server alone; ``JWT``, which is not for it, is not."""
    await resource_server(server, API, access_token_typ=typ, scope=("reports.read",))
    token = (await service_token(server, await server.client("service")))["access_token"]
    async with server.http.get(server.url("/jwks")) as answer:
        jwks = await answer.json()
    own, other = (AuthlibValidator(server.issuer, uri, jwks) for uri in (API, FILES))
    assert own.accepts(token, "reports.read") is (typ == "at+jwt")
    assert not other.accepts(token, "reports.read")


@pytest.mark.node
@pytest.mark.parametrize("wanted", TYPS)
@pytest.mark.parametrize("typ", TYPS)
async def test_jose_takes_the_typ_that_it_wants(server: RunningServer, typ: str, wanted: str) -> None:
    """RFC 9068 §2.1, §5: a resource server that insists on one ``typ`` gets it by its setting."""
    await resource_server(server, API, access_token_typ=typ)
    service = await server.client("service")
    token = (await service_token(server, service))["access_token"]
    async with program("resource_server.mjs", server, service) as verifier:
        await verifier.send({"token": token, "audience": API, "typ": wanted})
        read = await verifier.receive()
    if typ == wanted:
        assert (read["payload"]["aud"], read["typ"]) == (API, typ)
    else:
        assert read == {"refused": "ERR_JWT_CLAIM_VALIDATION_FAILED", "claim": "typ"}
