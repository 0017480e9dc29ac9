"""A key pair of a client that authenticates with private_key_jwt (OIDC Core §9)."""

from typing import Any, NamedTuple

from joserfc.jwk import ECKey


class ClientKey(NamedTuple):
    """The private key, which only the client has, and the JWK Set that it is registered with."""

    private: dict[str, Any]
    jwks: dict[str, Any]


def new_client_key() -> ClientKey:
    """A P-256 key."""
    key = ECKey.generate_key("P-256", {"kid": "client-key", "alg": "ES256", "use": "sig"})
    return ClientKey(dict(key.as_dict(private=True)), {"keys": [key.as_dict(private=False)]})
