"""The npm openid-client with a certificate (RFC 8705): ``TlsClientAuth`` at the mTLS aliases."""

from pathlib import Path
from typing import Any

import pytest

from authrim.protocol.mtls import jwk_of, thumbprint
from authrim.store.contract import Store
from tests.relying_parties.test_openid_client import program
from tests.support.certificates import IssuedCertificate, pem, self_signed
from tests.support.mtls import ROOT, mtls_server

pytestmark = pytest.mark.node

OWN = self_signed()
METHODS: dict[str, tuple[IssuedCertificate, dict[str, Any]]] = {
    "tls_client_auth": (ROOT.issue("client"), {"tls_client_auth_subject_dn": "CN=client"}),
    "self_signed_tls_client_auth": (OWN, {"jwks": {"keys": [jwk_of(OWN.pem.encode())]}}),
}


@pytest.mark.parametrize("method", METHODS)
async def test_a_service_with_a_certificate(store: Store, tmp_path: Path, method: str) -> None:
    """It finds where to show its certificate, gets a token that is bound to it, introspects it and revokes it."""
    certificate, fields = METHODS[method]
    files = certificate.write(tmp_path, "client")
    authority = tmp_path / "root.crt"
    authority.write_text(pem(ROOT.certificate))
    more = dict(zip(("ca", "cert", "key"), map(str, (authority, *files)), strict=True))
    async with mtls_server(store, tmp_path) as server:
        client = await server.client(
            "service",
            token_endpoint_auth_method=method,
            tls_client_certificate_bound_access_tokens=True,
            **fields,
        )
        async with program("mutual_tls.mjs", server, client, **more) as service:
            seen = await service.receive()
    asked = [url.removeprefix(server.mtls_url) for url in seen["asked"][1:]]
    assert asked == ["/token", "/introspect", "/revoke", "/introspect"]
    assert seen["introspected"]["cnf"] == {"x5t#S256": thumbprint(certificate.der)}
    assert seen["afterwards"] == {"active": False}
