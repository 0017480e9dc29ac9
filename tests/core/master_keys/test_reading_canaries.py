"""Proving the master keys does not read the sealed rows of people."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from authrim.core.execute import append_of
from authrim.core.master_proof import canary_of, read_canaries
from authrim.core.origin import own_origin
from authrim.store.contract import Store
from domain.stream import DEFAULT_TENANT
from projections.rows import Row
from projections.tables import SEALED, sealed_key


@pytest.mark.parametrize("keys", [0, 1, 40])
async def test_a_start_reads_few_rows_behind_the_canaries(
    store: Store, keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows of the master keys are found, however many, and hardly any of the rows of people that follow them: a
    start takes no longer with many people."""
    canaries = {canary_of(f"{number:08x}") for number in range(keys)}
    people = {sealed_key(DEFAULT_TENANT, "subject", f"{number:032x}", "claims") for number in range(500)}
    rows = [
        Row(SEALED.name, "put", {"key": key, "tenant": DEFAULT_TENANT, "ciphertext": b"sealed"})
        for key in (*canaries, *people)
    ]
    await store.append(append_of((), own_origin(DEFAULT_TENANT, "system").metadata(), rows=rows))

    returned: list[str] = []
    read_rows = store.read_rows

    async def counting(table: str, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
        found = await read_rows(table, after, limit)
        returned.extend(row["key"] for row in found)
        return found

    monkeypatch.setattr(store, "read_rows", counting)
    assert (await read_canaries(store)).keys() == canaries
    assert len(returned) < keys + 50
