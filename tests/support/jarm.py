"""Reads JARM responses as a client would, with joserfc and the keys that the server publishes (JARM §2.4)."""

import time
from typing import Any

from joserfc import jwe, jwt
from joserfc.jwk import KeySet

from tests.support.responses import ReceivedResponse
from tests.support.running import KnownClient, RunningServer

#: Claims that are the response's own and no parameters.
OWN = {"iss", "aud", "exp"}


async def opened(
    server: RunningServer,
    client: KnownClient,
    received: ReceivedResponse,
    alg: str = "RS256",
    key: Any = None,
) -> dict[str, Any]:
    """The parameters of a response that is from the server, for this client, and still good. ``key`` decrypts."""
    assert set(received.parameters) == {"response"}, "nothing stands beside it"
    token = received.parameters["response"]
    if key is not None:
        decrypted = jwe.decrypt_compact(token, key, algorithms=list(ENCRYPTION))
        assert decrypted.headers()["cty"] == "JWT"
        assert decrypted.plaintext is not None
        token = decrypted.plaintext.decode()
    async with server.http.get(server.url("/jwks")) as answer:
        keys = KeySet.import_key_set(await answer.json())
    read = jwt.decode(token, keys, algorithms=[alg])
    assert read.header["alg"] == alg
    assert read.header["kid"]
    claims = dict(read.claims)
    assert (claims["iss"], claims["aud"]) == (server.issuer, client.client_id)
    assert 0 < claims["exp"] - time.time() <= 600
    return {name: value for name, value in claims.items() if name not in OWN}


#: What a client may register to have its responses encrypted with.
ENCRYPTION = (
    "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP-256",
    "A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512",
)  # fmt: skip
