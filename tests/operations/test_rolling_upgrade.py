"""A rolling upgrade and the way back, server by server, while a crowd sends requests without a pause (F20)."""

from pathlib import Path

import pytest

from tests.postgres_cluster import Cluster
from tests.support.upgrading import Crowd, upgrading

pytestmark = pytest.mark.operations


async def test_upgrade_and_back(cluster: Cluster, tmp_path: Path) -> None:
    """F20: two servers are upgraded one after the other, taken back to the version before one after the other, and
    upgraded again, and the upgrade is finished: no request of a crowd fails, log and tables fit at the end, and the
    version before does not start any more."""
    async with upgrading(cluster, tmp_path, Crowd(2, 2, 0.02)) as upgrade:
        await upgrade.two.serve(upgrade.old)
        await upgrade.load.rounds(3)
        assert "9002_faster" in await upgrade.migrate(upgrade.new)
        for code in (upgrade.new, upgrade.old, upgrade.new):
            assert await upgrade.migrate(upgrade.old) == []
            for slot in (upgrade.one, upgrade.two):
                await slot.serve(code)
                await upgrade.load.rounds(3)
        assert "9004_less" in await upgrade.migrate(upgrade.new, "--finish")
        await upgrade.load.rounds(3)
        await upgrade.load.end()
        config = ("--config", str(upgrade.one.config))
        _, said = upgrade.old.run(*config, "serve", status=1)
        assert "which this version does not know" in said
        upgrade.new.run(*config, "audit", "verify")
        upgrade.new.run(*config, "projections", "verify")
