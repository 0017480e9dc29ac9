"""A person's claims, read from their sealed row and cut to what may be told."""

import json
from collections.abc import Iterable
from typing import Any, Final

from authrim.private_data import SUBJECT
from authrim.runtime import Runtime
from domain.claims import select_claims

CLAIMS: Final = "claims"
PASSWORD: Final = "password"  # noqa: S105 - the name of a row


async def claims_of(runtime: Runtime, tenant: str, subject: str, names: Iterable[str]) -> dict[str, Any]:
    """Those of the named claims that the person has; none once the person is erased."""
    stored = await runtime.private.open(tenant, SUBJECT, subject, CLAIMS)
    return {} if stored is None else select_claims(json.loads(stored), names)
