"""What a client brings and gets of its own: its keys, its name for people, answers that only it can read."""

from typing import Final

from authrim.features.feature import Feature
from domain.sector import SUBJECT_TYPES

OWN_TO_A_CLIENT: Final[tuple[Feature, ...]] = (
    Feature(
        "client_keys",
        "OpenID Connect Core 1.0 §10, RFC 7517",
        files=("authrim/client_keys.py", "authrim/outside/egress.py", "domain/client_policy_keys.py"),
        tests=("tests/features/client_keys", "tests/features/egress"),
        suite=("oidcc-registration-jwks-uri", "oidcc-refresh-token-rp-key-rotation"),
    ),
    Feature(
        "pairwise_subjects",
        "OpenID Connect Core 1.0 §8, OpenID Connect Dynamic Client Registration 1.0 §5",
        metadata=lambda _runtime: {"subject_types_supported": list(SUBJECT_TYPES)},
        files=("authrim/subjects.py", "domain/sector.py", "authrim/administration/fetching.py"),
        tests=("tests/features/pairwise", "tests/domain/test_sector.py"),
        suite=("oidcc-registration-sector-uri", "oidcc-registration-sector-bad"),
    ),
)
