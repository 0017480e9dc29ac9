"""The client's keys: ``jwks`` or ``jwks_uri`` (RFC 7591 §2, OIDC DCR §2)."""

# ruff: noqa: S105 - RFC 7591's names hold the word token, their values are no passwords

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from domain.client import redirect_uri
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration.invalid_metadata import invalid

MAX_KEYS: Final = 64
MAX_JWKS_BYTES: Final = 16384

_KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})
#: Secret members of a JWK (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})


def checks(metadata: ClientMetadata, development: bool) -> Iterable[Refusal | None]:
    """The rules, in order. ``development``: the keys may be at a loopback http address."""
    if metadata.jwks is not None and metadata.jwks_uri is not None:
        yield invalid("jwks", "cannot be combined with jwks_uri.", hint="Register one of the two.")
    if metadata.token_endpoint_auth_method == "private_key_jwt" and not has_keys(metadata):
        yield invalid("jwks", "is missing for private_key_jwt.", hint="Register the client's public keys.")
    if metadata.jwks is not None:
        yield jwks_refusal(metadata.jwks)
    if metadata.jwks_uri is not None:
        yield fetched_uri("jwks_uri", metadata.jwks_uri, development)


def has_keys(metadata: ClientMetadata) -> bool:
    """Whether the client registered its keys or their address."""
    return metadata.jwks is not None or metadata.jwks_uri is not None


def fetched_uri(field: str, uri: str, development: bool) -> Refusal | None:
    """Check a URI that this server fetches: it must be https, and its host must be unambiguous (A116)."""
    problem = redirect_uri.registration_problem(uri, "web", development)
    return None if problem is None else invalid(field, problem.what, hint=problem.fix)


def jwks_refusal(jwks: dict[str, Any]) -> Refusal | None:
    """A key set as in RFC 7517 §5 that contains only public asymmetric keys."""
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        return invalid("jwks", "has no list of keys.", hint=f"Send an object with 1 to {MAX_KEYS} keys.")
    if len(msgspec.json.encode(jwks)) > MAX_JWKS_BYTES:
        return invalid("jwks", "is too large.", hint=f"Send at most {MAX_JWKS_BYTES} bytes.")
    if not all(isinstance(key, dict) and isinstance(key.get("kty"), str) for key in keys):
        return invalid("jwks", "has a key without a kty.", hint="Use kty RSA, EC or OKP.")
    if not any(key["kty"] in _KEY_TYPES for key in keys):
        return invalid("jwks", "has only keys of an unknown kty.", hint="Use kty RSA, EC or OKP.")
    if any(key["kty"] == "oct" for key in keys):
        return invalid("jwks", "contains a symmetric key.", hint="Send public keys only.")
    if any(_PRIVATE_MEMBERS & key.keys() for key in keys):
        return invalid("jwks", "contains a private key.", hint="Send public keys only, and replace that key.")
    names = [key.get("kid") for key in keys]
    if len(keys) > 1 and (None in names or len({str(name) for name in names}) < len(names)):
        return invalid("jwks", "has keys without distinct kids.", hint="Give each key its own kid.")
    return None
