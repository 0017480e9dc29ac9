"""What the server signs for a client with, of the algorithms that it keeps keys for."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from domain.client.profile import PROFILES
from domain.errors import Refusal

#: Fields that name the algorithm of a signature of ours.
SIGNED_WITH: Final = (
    "access_token_signing_alg",
    "id_token_signed_response_alg",
    "authorization_signed_response_alg",
    "userinfo_signed_response_alg",
)


def default_algorithms(algorithms: Collection[str], profile: str) -> dict[str, str]:
    """What to sign with where nothing is said: access tokens with the server's first algorithm, ID tokens and JARM
    responses with RS256, which every client has to know (OIDC Core §15.1, JARM §3); all only where the profile allows
    it and the server has a key for it."""
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
    """Why the server could not sign as these fields say, or None: it keeps keys for ``algorithms`` only."""
    for name in SIGNED_WITH:
        if fields.get(name) is not None and fields[name] not in algorithms:
            return Refusal(
                "invalid_client_metadata",
                f"{name} is an algorithm that this server keeps no key for.",
                hint=f"Use {', '.join(algorithms)}, or add it to signing_algorithms.",
                section="RFC 7591 §3.2.2",
            )
    return None
