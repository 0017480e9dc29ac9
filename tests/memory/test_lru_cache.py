"""Every cache in memory is bounded, by one class."""

import re
from pathlib import Path

from authrim.memory.lru_cache import LruCache

ROOT = Path(__file__).parents[2]
#: In the order of time, not of use (docs/designs/0016-one-lru-cache.md).
NOT_CACHES = {
    "authrim/memory/lru_cache.py",
    "authrim/wire/limits.py",
    "authrim/clients/authentication/authenticate.py",
    # Drops nothing: what leaves the memory goes to disk.
    "authrim/audit/replay/spool.py",
}


def test_the_least_recently_used_goes_first() -> None:
    """An entry that was read or stored again stays; the one that nobody read is dropped."""
    held: LruCache[str, int] = LruCache(3)
    for number, key in enumerate("abc"):
        held.put(key, number)
    assert held.get("a") == 0
    held.put("b", 7)
    held.put("d", 3)
    assert [held.get(key) for key in "abcd"] == [0, 7, None, 3]
    assert (held.take("a"), held.take("a"), len(held)) == (0, None, 2)
    held.clear()
    assert (held.get("b"), len(held)) == (None, 0)


def test_no_module_drops_the_oldest_by_itself() -> None:
    """Every bounded cache uses ``LruCache``."""
    for file in (ROOT / "authrim").rglob("*.py"):
        if file.relative_to(ROOT).as_posix() not in NOT_CACHES:
            assert not re.search(r"\bOrderedDict\b|popitem\(|del \w+\[next\(iter", file.read_text()), file
