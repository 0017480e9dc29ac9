"""The algorithms with which the server signs for a client, out of those that it has keys for."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from domain.client.profile import PROFILES
from domain.errors import Refusal

#: Fields with the algorithm of one of the server's signatures.
SIGNED_WITH: Final = (
    "access_token_signing_alg",
    "id_token_signed_response_alg",
    "authorization_signed_response_alg",
    "userinfo_signed_response_alg",
)


def default_algorithms(algorithms: Collection[str], profile: str) -> dict[str, str]:
    """Default algorithms: access tokens are signed with the server's first algorithm, ID tokens and JARM responses with
    RS256, which every client must support (OIDC Core §15.1, JARM §3). The profile must allow the algorithm, and the
    server must have a key for it."""
    allowed = PROFILES[profile].signing_algorithms
    usable = tuple(alg for alg in algorithms if alg in allowed) or allowed
    defaults = {
        "access_token_signing_alg": usable[0],
        "id_token_signed_response_alg": "RS256" if "RS256" in usable else usable[0],
    }
    if "RS256" not in usable:
        defaults["authorization_signed_response_alg"] = usable[0]
    return defaults


def signing_refusal(fields: Mapping[str, Any], algorithms: Collection[str]) -> Refusal | None:
    """Why the server cannot sign with the algorithms of these fields, or None. It has keys for ``algorithms`` only."""
    for name in SIGNED_WITH:
        if fields.get(name) is not None and fields[name] not in algorithms:
            return Refusal(
                "invalid_client_metadata",
                f"{name} is an algorithm for which this server has no key.",
                hint=f"Use {', '.join(algorithms)}, or add it to signing_algorithms.",
                section="RFC 7591 §3.2.2",
            )
    return None
