"""DPoP proofs (RFC 9449), made and signed by another library than the server's own."""

import base64
import hashlib
import json
import time
import uuid
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.support.running import RunningServer

Key = ECKey | RSAKey | OKPKey


def proof_key(alg: str = "ES256") -> Key:
    """A key of a client's instance."""
    match alg:
        case "ES256":
            return ECKey.generate_key("P-256")
        case "EdDSA" | "Ed25519":
            return OKPKey.generate_key("Ed25519")
        case _:
            return RSAKey.generate_key(2048)


def jkt_of(key: Key) -> str:
    """The thumbprint that tokens are bound to (RFC 7638)."""
    return str(key.thumbprint())


def ath_of(token: str) -> str:
    """RFC 9449 §4.2 ``ath``."""
    return _base64url(hashlib.sha256(token.encode()).digest()).decode()


def proof_claims(method: str, url: str, **changes: Any) -> dict[str, Any]:
    """The claims of a proof, changed as wanted; None leaves one out."""
    claims = {"jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time())} | changes
    return {name: value for name, value in claims.items() if value is not None}


def signed_proof(key: Key, claims: dict[str, Any], alg: str = "ES256", **header: Any) -> str:
    """The proof, with its header changed as wanted; None leaves a parameter out."""
    members = {"typ": "dpop+jwt", "alg": alg, "jwk": key.as_dict(private=False)} | header
    protected = {name: value for name, value in members.items() if value is not None}
    signing_input = f"{_encoded(protected)}.{_encoded(claims)}".encode()
    # The algorithm by itself, so that a header may hold anything.
    algorithm = jws.JWSRegistry(algorithms=[alg]).get_alg(alg)
    return (signing_input + b"." + _base64url(algorithm.sign(signing_input, key))).decode()


def _encoded(value: Any) -> str:
    return _base64url(json.dumps(value).encode()).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def dpop(server: RunningServer, key: Key, path: str = "/token", method: str = "POST", **changes: Any) -> str:
    """A valid proof for one of the server's endpoints, changed as wanted."""
    return signed_proof(key, proof_claims(method, server.issuer + path, **changes))


def with_token(
    server: RunningServer, key: Key, token: str, path: str = "/userinfo", method: str = "GET", **changes: Any
) -> dict[str, str]:
    """The headers of a resource request with a bound token (RFC 9449 §7.1)."""
    proof = dpop(server, key, path, method, **({"ath": ath_of(token)} | changes))
    return {"Authorization": f"DPoP {token}", "DPoP": proof}
