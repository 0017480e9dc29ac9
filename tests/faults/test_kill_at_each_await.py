"""A process that dies at an await or a statement of what it records: nothing is half, and nothing told of is lost.

``make test`` lets some servers die, at points that are drawn by chance; ``python -m bench.kills`` lets one die at each
point and each moment of it.
"""

import random
from pathlib import Path
from typing import Final

from tests.faults.kills.path import NOT_PASSED
from tests.faults.kills.points import Failpoint, missing, points_of
from tests.faults.kills.run import dying, path_of

DEATHS: Final = 3


async def test_killed_at_its_awaits(store_place: Path | str, tmp_path: Path) -> None:
    """F01, F02: load passes every await and every statement between a decision and its durable row, and no coroutine
    waits there that is not on the list. A process that dies at any of them leaves no half append: what was answered is
    in the log, the chain verifies, proofs are used up, sealed rows are those of open requests, each event is told."""
    path, seed = path_of(store_place), random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    assert not missing(path)
    wanted = {point for point in points_of(path) if not point.startswith(NOT_PASSED)}
    async with dying(store_place, tmp_path, seed) as servers:
        passed, strays = await servers.points(wanted)
        assert not strays, "these wait for an append and are not in tests/faults/kills/path.py"
        missed = sorted(wanted - {point for point, _ in passed})
        assert not missed, "nobody could die there: let the load pass them, or say why it does not"
        result = await servers.die(drawn({one for one in passed if one[0] in wanted}, seed))
    assert not result.not_met, seed
    assert not result.violations, (seed, result.violations[:10])
    assert result.events > DEATHS


def drawn(passed: set[tuple[str, str]], seed: int) -> list[Failpoint]:
    """Some of the points and moments."""
    chance = random.Random(seed)
    return [Failpoint(*one, chance.randrange(3)) for one in chance.sample(sorted(passed), DEATHS)]
