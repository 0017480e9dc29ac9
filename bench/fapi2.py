"""A FAPI 2 flow and its single steps, compared with node-oidc-provider: PAR, DPoP, ``private_key_jwt``, a signed-in
person.

    .venv/bin/python -m bench.fapi2 [--flows 2000] [--rounds 3] [--nonce] [--write]

A flow is three requests: a POST to the PAR endpoint and a POST to the token endpoint, each with a client assertion and
a DPoP proof, and in between the browser's GET of the authorization endpoint, where the person is signed in and has
consented. Userinfo with the DPoP-bound token is measured separately. Each server is one process on the same PostgreSQL,
as in ``python -m bench``, which measures the whole flow beside other work. A run repeats the work a given number of
times; everything is signed before the run begins. Next to the rate, the table shows the server's processor time per
unit of work, which other load on the machine affects less.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.authrim_side import AuthrimSide
from bench.fapi2_client import Fapi2Client
from bench.fapi2_side import BROWSERS, Fapi2Side, Server
from bench.measure import Measurement, Summary, database_cpu_seconds, run, summarize
from bench.peers.node_side import NodeSide
from bench.side import ROOT
from domain.client.metadata import ClientMetadata
from tests import postgres_cluster
from tests.postgres_cluster import Cluster

PAGE = ROOT / "docs" / "operations" / "benchmarks-fapi2.md"
#: A run that takes longer than this many seconds is aborted.
LONGEST = 60
#: The number of flows before the measurement, which the peer's engine needs to compile its code.
WARM_UP = 1000


class Step(NamedTuple):
    """A step of the flow, or the whole flow, and the number of its requests."""

    name: str
    title: str
    requests: int = 1


STEPS = (
    Step("flow", "the flow: PAR, authorization, token", 3),
    Step("par", "PAR: assertion, DPoP proof"),
    Step("authorize", "authorization, signed in"),
    Step("token", "token: assertion, DPoP proof, ID token"),
    Step("userinfo", "userinfo: DPoP proof"),
)


class Cost(NamedTuple):
    """A run, and PostgreSQL's processor time per unit of work in ms."""

    measured: Measurement
    database: float


def main() -> None:
    """Measure and print; ``--write`` writes the tables into the documentation."""
    arguments = _arguments()
    tables = []
    for nonce in (False, True):
        if nonce and not arguments.nonce:
            continue
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authrim-bench-")))
            cluster = postgres_cluster.start()
            stack.callback(postgres_cluster.stop, cluster)
            sides = [
                stack.enter_context(ours(folder, cluster, nonce=nonce)),
                stack.enter_context(node(folder, cluster, nonce=nonce)),
            ]
            tables.append(_heading(nonce, arguments) + _table(_measure(sides, cluster, arguments)))
    print("\n".join(tables))
    if arguments.write:
        PAGE.write_text(_page(tables))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flows", type=int, default=2000, help="flows per run")
    parser.add_argument("--rounds", type=int, default=3, help="runs per side and step")
    parser.add_argument("--nonce", action="store_true", help="repeat with nonces required in the proofs")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


@contextmanager
def ours(folder: Path, cluster: Cluster, *, nonce: bool = False) -> Iterator[Fapi2Side]:
    """Authrim with a FAPI 2 client and signed-in people."""
    client = Fapi2Client(BROWSERS, wants_nonce=nonce)
    started = AuthrimSide.started(
        folder, cluster, {"fapi2": _registration(client)}, pushed_requests_per_minute=1_000_000,
        dpop_nonce="required" if nonce else "off",
    )  # fmt: skip
    with started as side:
        client.client_id, client.issuer = side.client_of("fapi2"), side.url("")
        yield Fapi2Side(Server(side, "/par", "/userinfo"), client, folder)


@contextmanager
def node(folder: Path, cluster: Cluster | None, *, nonce: bool = False) -> Iterator[Fapi2Side]:
    """node-oidc-provider with a FAPI 2 client and signed-in people."""
    client = Fapi2Client(BROWSERS, wants_nonce=nonce)
    variables = {"FAPI2_JWKS": json.dumps(client.jwks), "REQUIRE_NONCE": "yes" if nonce else "no"}
    with NodeSide(folder, cluster, **variables).running() as side:
        client.client_id, client.issuer = side.client_of("fapi2"), side.url("")
        yield Fapi2Side(Server(side, "/request", "/me"), client, folder)


def _registration(client: Fapi2Client) -> ClientMetadata:
    return ClientMetadata(
        client_name="bench", profile="fapi2-security", token_endpoint_auth_method="private_key_jwt",
        redirect_uris=("https://rp.example/cb",), grant_types=("authorization_code", "refresh_token"),
        scope=("openid", "offline_access"), jwks=client.jwks, dpop_bound_access_tokens=True,
        require_pushed_authorization_requests=True, id_token_signed_response_alg="ES256",
        access_token_signing_alg="ES256", access_token_format="opaque", access_token_lifetime=3600,
        skip_consent=True,
    )  # fmt: skip


def _measure(
    sides: list[Fapi2Side], cluster: Cluster, arguments: argparse.Namespace
) -> dict[str, dict[str, tuple[Summary, float]]]:
    """Measure each step in the order A B A B …, after one round to warm up. The result is by step and side."""
    runs: dict[str, dict[str, list[Cost]]] = {
        step.name: {side.side.name: [] for side in sides} for step in STEPS
    }
    for turn in range(arguments.rounds + 1):
        flows = arguments.flows if turn else WARM_UP
        for step in STEPS:
            for side in sides:
                cost = _run(side, step, flows, cluster)
                if turn:
                    runs[step.name][side.side.name].append(cost)
    return {
        step: {
            name: (
                summarize([cost.measured for cost in costs]),
                statistics.median(cost.database for cost in costs),
            )
            for name, costs in by_side.items()
        }
        for step, by_side in runs.items()
    }


def _run(side: Fapi2Side, step: Step, flows: int, cluster: Cluster) -> Cost:
    load = side.load(step.name, flows)
    before = database_cpu_seconds(cluster)
    measured = run(load.url, load.script, load.environment, LONGEST, side.side.pid, step.requests)
    database = (database_cpu_seconds(cluster) - before) * 1000 / flows
    side.check(step.name, flows, measured)
    print(f"{step.name:10} {side.side.name:20} {measured.rate:7.0f}/s  server {measured.cpu:.3f} ms"
          f"  database {database:.3f} ms  cores {measured.cores:.2f}  errors {measured.errors}",
          file=sys.stderr, flush=True)  # fmt: skip
    return Cost(measured, database)


def _heading(nonce: bool, arguments: argparse.Namespace) -> str:
    proofs = "Every proof has a nonce that the server gave" if nonce else "Proofs without nonces"
    return f"{proofs}. {arguments.flows} units of work per run, {arguments.rounds} rounds.\n\n"


def _table(results: Mapping[str, Mapping[str, tuple[Summary, float]]]) -> str:
    lines = [
        "| work | Authrim, per second | node-oidc-provider | ratio | processor ms: server | its | ratio "
        "| database | its |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for step in STEPS:
        (ours, our_database), *others = results[step.name].values()
        line = [step.title, f"{ours.rate:.0f} ({ours.lowest:.0f}–{ours.highest:.0f})"]
        if others:
            peer, their_database = others[0]
            line += [
                f"{peer.rate:.0f} ({peer.lowest:.0f}–{peer.highest:.0f})", f"{ours.rate / peer.rate:.2f}",
                f"{ours.cpu:.2f}", f"{peer.cpu:.2f}", f"{peer.cpu / ours.cpu:.2f}",
                f"{our_database:.2f}", f"{their_database:.2f}",
            ]  # fmt: skip
        else:
            line += ["–", "–", f"{ours.cpu:.2f}", "–", "–", f"{our_database:.2f}", "–"]
        lines.append(f"| {' | '.join(line)} |")
    return "\n".join(lines) + "\n"


def _page(tables: list[str]) -> str:
    """The page with new tables. The text below the first heading, which explains the figures, stays."""
    said = PAGE.read_text().partition("\n## ")[2] if PAGE.exists() else ""
    return (
        "# A FAPI 2 flow\n\nPAR, DPoP and `private_key_jwt` for a person who is signed in, each event durable in "
        "PostgreSQL before the answer, compared with node-oidc-provider doing the same work in the same run. Absolute "
        "figures depend on the machine; compare the ratios. Processor times are in milliseconds per unit of "
        "work, of the server's process and of PostgreSQL. `python -m bench.fapi2 --nonce` repeats them.\n\n"
        + "\n".join(tables)
        + (f"\n## {said}" if said else "")
    )


if __name__ == "__main__":
    main()
