"""The server's metadata, as a client of a FAPI variant finds it."""

from typing import Any

from tests.support.fapi_client import FapiClient


async def metadata_of(client: FapiClient) -> dict[str, Any]:
    """OpenID Connect Discovery or RFC 8414, with the aliases of mutual TLS as they must be (RFC 8705 §5)."""
    well_known = "openid-configuration" if client.variant.openid else "oauth-authorization-server"
    answer = await client.send("GET", f"/.well-known/{well_known}", certificate=client.certificate)
    assert answer.status == 200
    endpoints = {name for name in answer.body if name.endswith("_endpoint")}
    assert all(answer.body[name].startswith("https://") for name in endpoints)
    aliases: dict[str, str] = answer.body["mtls_endpoint_aliases"]
    assert set(aliases) <= endpoints - {"authorization_endpoint"}
    assert aliases["token_endpoint"] == client.server.mtls.mtls_url + "/token"
    return answer.body
