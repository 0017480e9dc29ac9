"""Signed answers as their receivers read them, with a library that is not ours."""

from typing import Any

from joserfc import jws
from joserfc.jwk import KeySet
from joserfc.util import to_bytes

from authrim.crypto import strict_json
from tests.support.running import RunningServer


async def read(server: RunningServer, signed: str, typ: str) -> dict[str, Any]:
    """The claims of an answer whose signature the server's published keys verify."""
    async with server.http.get(server.url("/jwks")) as answer:
        keys = KeySet.import_key_set(await answer.json())
    found = jws.deserialize_compact(to_bytes(signed), keys, algorithms=["ES256", "RS256"])
    assert found.headers()["typ"] == typ
    claims = strict_json.loads(found.payload)
    assert isinstance(claims, dict)
    assert claims["iss"] == server.issuer
    assert "exp" not in claims
    return claims
