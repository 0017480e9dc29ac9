"""Results of a comparison that never ran."""

from bench.results import (
    CellOfServer,
    Machine,
    Made,
    MeasuredCell,
    MeasuredServer,
    Results,
    ServerProcess,
    Spread,
    spread_of,
)


def cell(
    name: str, ratio: float | None, *, refused: str = "", title: str = "", reference: bool = True
) -> MeasuredCell:
    """A cell in which Authrim did ``ratio`` times what the reference did, or was refused."""
    theirs = CellOfServer(
        runs=3,
        rate=Spread(1000, 950, 1100),
        p50=20.0,
        p99=40.0,
        server_ms=0.4,
        beside_ms=0.0,
        database_ms=0.2,
    )
    ours = CellOfServer(
        runs=3,
        rate=Spread(1000 * (ratio or 0), 900, 3000),
        p50=10.0,
        p99=25.0,
        server_ms=0.2,
        beside_ms=0.05,
        database_ms=0.1,
    )
    servers = {"authrim": CellOfServer(refused=refused) if refused else ours}
    if reference:
        servers["node-postgresql"] = theirs
    ratios = {} if ratio is None or refused else {"authrim": spread_of([ratio * 0.95, ratio, ratio * 1.1])}
    return MeasuredCell(name, title or name, 2.0, servers, ratios)


def results(*cells: MeasuredCell, others: float = 0.05) -> Results:
    """The results of a run with these cells."""
    return Results(
        Made("2026-11-29", "abc1234", "make bench", 3, 5, 32, 13.2),
        Machine("A processor", 2, 8.0, "Linux 6", 0.1, 1.9, Spread(others, 0.0, others * 2)),
        {"Authrim": "0.1.0", "Node.js": "24"},
        (
            MeasuredServer(
                "authrim",
                "Authrim",
                spread_of([0.7, 0.8]),
                (ServerProcess(True, 90.0, 110.0), ServerProcess(False, 60.0, 90.0)),
            ),
            MeasuredServer(
                "node-postgresql",
                "node-oidc-provider, PostgreSQL",
                spread_of([0.3]),
                (ServerProcess(True, 140.0, 150.0),),
            ),
        ),
        cells,
    )
