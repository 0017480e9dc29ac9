"""Lists of one tenant's rows, a page at a time."""

import pytest

from authrim.core import paging
from authrim.store.contract import Store
from projections.rows import Row
from projections.tables import SEALED, row_key
from tests.store.store_samples import grant_append


@pytest.mark.parametrize("page", [1, 500])
async def test_a_list_ends_with_its_tenant(store: Store, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A224: the list of one tenant holds no row of another, wherever its pages end and however the names begin."""
    monkeypatch.setattr(paging, "_PAGE", page)
    for tenant in ("a", "aa", "b", "c"):
        rows = [
            Row("sealed", "put", {"key": row_key(tenant, name), "tenant": tenant, "ciphertext": b"x"})
            for name in ("1", "2")
        ]
        await store.append(grant_append(f"of-{tenant}", rows=tuple(rows)))
    for tenant, count in (("a", 2), ("aa", 2), ("b", 2), ("c", 2), ("nobody", 0), ("", 0)):
        listed = [row["tenant"] async for row in paging.rows_of(store, SEALED, tenant)]
        assert listed == [tenant] * count
    assert [row async for row in paging.rows_of(store, SEALED, "a", after="2")] == []
