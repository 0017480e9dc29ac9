"""One server after the other is killed, at each await and each statement of what it records, and what the clients saw
is held against the log: ``python -m bench.kills [--store sqlite|postgresql]``.

Ends with status 1 when something is wrong, or when a server did not come to the point where it was to die.
"""

import argparse
import asyncio
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from authrim.store.sqlite.schema import migrate_sqlite
from bench.faults import outcomes, own_cluster
from tests.faults.kills.path import NOT_PASSED
from tests.faults.kills.points import Failpoint, points_of
from tests.faults.kills.run import Result, dying, path_of

STORES = ("sqlite", "postgresql")


async def _die_everywhere(place: Path | str, folder: Path) -> Result:
    wanted = {point for point in points_of(path_of(place)) if not point.startswith(NOT_PASSED)}
    async with dying(place, folder, 0) as servers:
        passed, _ = await servers.points(wanted)
        return await servers.die([Failpoint(*one) for one in sorted(passed) if one[0] in wanted])


def _is_sound(store: str) -> bool:
    """Run and print."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        place: Path | str = Path(name) / "authrim.db"
        if store == "sqlite":
            migrate_sqlite(place)
        else:
            cluster = stack.enter_context(own_cluster())
            place = cluster.dsn(cluster.new_database())
        result = asyncio.run(_die_everywhere(place, Path(name)))
    print(f"{store}: {result.deaths} servers killed, {result.events} events")
    print(f"  calls: {outcomes(result.calls)}")
    print(f"  violations: {len(result.violations)}", flush=True)
    for one in result.violations:
        print(f"    {one.rule}: {one.about}: {one.told}")
    for failpoint in result.not_met:
        print(f"  lived on: {failpoint.point}, {failpoint.moment}")
    return not result.violations and not result.not_met


def main() -> None:
    """Run and print, on each store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=STORES, action="append")
    sound = [_is_sound(store) for store in parser.parse_args().store or STORES]
    sys.exit(0 if all(sound) else 1)


if __name__ == "__main__":
    main()
