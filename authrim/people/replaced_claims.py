"""Claims that were replaced while a hold forbids to erase the person: they are kept, or a change would be the erasure.

Each is a sealed row of its own under the person's key. They go when the last hold is released, and with the person;
when it ended by itself, with the next change of claims.
"""

import json
from contextlib import aclosing
from typing import Any, Final

from authrim.core.paging import rows_of
from authrim.core.sealed_rows import SUBJECT, PrivateData, erasing_row
from authrim.store.contract import Store
from projections.rows import Row
from projections.tables import SEALED

_PREFIX: Final = "held_claims."


def kept_name(version: int) -> str:
    """The row name of the claims that the change after this version of the account replaced."""
    return f"{_PREFIX}{version:010}"


def forgetting_row(tenant: str, subject: str) -> Row:
    """The row operation that takes away what was kept."""
    return erasing_row(tenant, SUBJECT, subject, f"{_PREFIX}*")


async def replaced_claims(
    store: Store, private: PrivateData, tenant: str, subject: str
) -> list[dict[str, Any]]:
    """What was kept, the oldest first. Raises SealBroken."""
    prefix = f"{SUBJECT}:{subject}:{_PREFIX}"
    names = []
    async with aclosing(rows_of(store, SEALED, tenant, prefix)) as rows:
        async for row in rows:
            if not row["key"].startswith(f"{tenant}:{prefix}"):
                break
            names.append(row["key"].rpartition(":")[2])
    kept = [await private.open(tenant, SUBJECT, subject, name) for name in names]
    return [json.loads(one) for one in kept if one is not None]
