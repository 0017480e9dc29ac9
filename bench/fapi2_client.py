"""The client of the FAPI 2 benchmark. It signs everything before a run, so its own signatures are not measured. It uses
``private_key_jwt`` with one key, and one DPoP key per browser."""

import hashlib
import json
import time
import uuid
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

_ES256 = ec.ECDSA(hashes.SHA256())


class _Signer:
    """A P-256 key and the header of its signatures."""

    def __init__(self, **header: Any) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.jwk = _public_jwk(self._key)
        self.header = {"alg": "ES256", **header}

    def sign(self, claims: dict[str, Any]) -> str:
        text = f"{_encode(_json(self.header))}.{_encode(_json(claims))}"
        r, s = decode_dss_signature(self._key.sign(text.encode(), _ES256))
        return f"{text}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class Fapi2Client:
    """A client and its keys. ``client_id`` and ``issuer`` are those of its server. ``nonce`` is the nonce that the
    server requires in proofs: None when it requires none, empty while it is not known yet."""

    def __init__(self, dpop_keys: int, *, wants_nonce: bool = False) -> None:
        self.client_id = ""
        self.issuer = ""
        self.nonce = "" if wants_nonce else None
        self._assertions = _Signer(kid="client-key")
        self._proofs = [_Signer(typ="dpop+jwt") for _ in range(dpop_keys)]
        for signer in self._proofs:
            signer.header["jwk"] = signer.jwk

    @property
    def jwks(self) -> dict[str, Any]:
        """The key set that the client registers."""
        return {"keys": [{**self._assertions.jwk, "kid": "client-key", "use": "sig", "alg": "ES256"}]}

    def assertion(self) -> str:
        """A new client assertion (RFC 7523 §3) with the issuer as its only audience (FAPI 2 Security Profile
        §5.3.2.1)."""
        now = int(time.time())
        return self._assertions.sign(
            {
                "iss": self.client_id,
                "sub": self.client_id,
                "aud": self.issuer,
                "jti": uuid.uuid4().hex,
                "iat": now,
                "exp": now + 300,
            }
        )

    def proof(self, key: int, method: str, url: str, access_token: str | None = None) -> str:
        """A new DPoP proof (RFC 9449 §4.2) by one of the client's keys, with the server's nonce."""
        claims = {"jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time())}
        if self.nonce is not None:
            claims["nonce"] = self.nonce
        if access_token is not None:
            claims["ath"] = _encode(hashlib.sha256(access_token.encode()).digest())
        return self._proofs[key].sign(claims)


def _public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    point = key.public_key().public_numbers()
    x, y = (_encode(number.to_bytes(32, "big")) for number in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
