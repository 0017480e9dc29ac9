"""Tokens that are bound to a key of whoever they were given to."""

from typing import Final

from authrim.features.feature import Feature
from authrim.protocol.dpop import ALGORITHMS

SENDER_CONSTRAINT: Final[tuple[Feature, ...]] = (
    Feature(
        "dpop",
        "RFC 9449",
        metadata=lambda _runtime: {"dpop_signing_alg_values_supported": list(ALGORITHMS)},
        optional=True,
        files=(
            "authrim/protocol/dpop.py",
            "authrim/protocol/dpop_nonce.py",
            "authrim/web/sender.py",
            "authrim/web/resource.py",
            "domain/sender_constraint.py",
        ),
        tests=("tests/features/dpop", "tests/attacks/test_dpop.py", "tests/domain/test_sender_constraint.py"),
    ),
)
