"""An installation that is backed up and restored: its commands, its places, and clients that ask it for tokens."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.postgres_cluster import Cluster
from tests.store.log_samples import behind_its_back
from tests.support.browser import authenticated_post
from tests.support.command_line import CommandLine
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import answers, wait_until
from tests.support.ready_authrim import started
from tests.support.running import MASTER_KEY, KnownClient, RunningServer

Place = Path | str
REASON = "ticket 4711: the disk was lost"


def environment_of(place: Place, port: int | None = None, **more: str) -> dict[str, str]:
    """The settings of a server on this machine, and of its commands."""
    port = free_port() if port is None else port
    settings = {
        "ISSUER": f"http://localhost:{port}", "DEVELOPMENT": "true", "HOST": "localhost", "PORT": str(port),
        "DATABASE": str(place), "MASTER_KEYS": MASTER_KEY, "BACKGROUND": "inside", **more,
    }  # fmt: skip
    return {f"AUTHRIM_{name}": value for name, value in settings.items()}


def commands(place: Place, port: int | None = None, **more: str) -> CommandLine:
    """The commands of an installation."""
    return CommandLine(environment_of(place, port, **more))


def payloads(place: Place, type_: str) -> list[tuple[int, dict[str, Any]]]:
    """The events of a type, with their positions, in the log's order."""
    rows = behind_its_back(
        place, f"SELECT position, payload FROM events WHERE type = '{type_}' ORDER BY position"
    )
    return [(int(str(position)), json.loads(bytes(payload))) for position, payload in rows]  # type: ignore[call-overload]


@contextmanager
def another_place(place: Place, folder: Path, cluster: Callable[[], Cluster]) -> Iterator[Place]:
    """Where a backup of the database at ``place`` can be restored: nothing is there yet."""
    if isinstance(place, Path):
        yield folder / "elsewhere" / "authrim.db"
        return
    name = cluster().new_database("template0")
    try:
        yield cluster().dsn(name)
    finally:
        cluster().drop_database(name)


@asynccontextmanager
async def under_load(server: RunningServer, client: KnownClient) -> AsyncIterator[list[str]]:
    """Services ask for tokens without a pause; the tokens that were answered so far."""
    answered: list[str] = []

    async def ask() -> None:
        while True:
            status, answer = await authenticated_post(
                server, client, "/token", {"grant_type": "client_credentials"}
            )
            assert status == 200, answer
            answered.append(answer["access_token"])

    tasks = [asyncio.create_task(ask()) for _ in range(4)]
    try:
        yield answered
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended


@contextmanager
def served(environment: dict[str, str], *options: str) -> Iterator[str]:
    """``authrim serve`` as an operator starts it; its issuer."""
    issuer = environment["AUTHRIM_ISSUER"]
    with started("serve", *options, environment=environment) as process:
        wait_until(lambda: process.poll() is not None or answers(f"{issuer}/health/ready"))
        assert process.poll() is None, process.communicate()
        yield issuer


def introspected(issuer: str, asker: KnownClient, tokens: list[str]) -> list[bool]:
    """What introspection says of tokens."""
    with requests.Session() as session:
        return [
            session.post(
                f"{issuer}/introspect", data={"token": token}, headers=asker.basic, timeout=PATIENCE
            ).json()["active"]
            for token in tokens
        ]


def posted(issuer: str, client: KnownClient, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """A back-channel POST."""
    answer = requests.post(f"{issuer}{path}", data=form, headers=client.basic, timeout=PATIENCE)
    return answer.status_code, answer.json()
