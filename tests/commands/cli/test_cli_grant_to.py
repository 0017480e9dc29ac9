"""``authrim migrate --grant-to``: by an owner who is no administrator, and by whoever may not."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.postgres_cluster import Cluster
from tests.support.command_line import CommandLine


class Roles(NamedTuple):
    """Command lines on one empty database: as its owner, who is no superuser, and as the role for the server."""

    owner: CommandLine
    server: CommandLine
    name: str


@pytest.fixture
def roles(cluster: Cluster, environment: dict[str, str]) -> Iterator[Roles]:
    database = cluster.new_database("template0")
    owner, server = f"owner_{database}", f"server_{database}"
    for role in (owner, server):
        cluster.execute(f"CREATE ROLE {role} LOGIN")
    cluster.execute(f"ALTER DATABASE {database} OWNER TO {owner}")
    by = {role: {**environment, "AUTHRIM_DATABASE": cluster.dsn(database, role)} for role in (owner, server)}
    yield Roles(CommandLine(by[owner]), CommandLine(by[server]), server)
    cluster.drop_database(database)
    for role in (owner, server):
        cluster.execute(f"DROP ROLE {role}")


def test_an_owner_who_may_not_change_roles(roles: Roles) -> None:
    """The grants are given, what is left is said with the right that is wanted, and the server's role can work."""
    result = roles.owner.run("migrate", "--grant-to", roles.name)
    assert "CREATEROLE and the ADMIN option" in result.stderr
    assert f'ALTER ROLE "{roles.name}" SET search_path TO "authrim", pg_temp;' in result.stderr
    assert roles.owner.json("migrate", "--grant-to", roles.name)["role_settings"] is False
    roles.server.json("account", "create", "alice", "--password-stdin", stdin="correct horse battery\n")
    roles.server.json("keys", "rotate", "--alg", "ES256")
    assert roles.server.json("audit", "verify")["ok"] is True


def test_an_administrator_keeps_the_settings_too(
    roles: Roles, cluster: Cluster, environment: dict[str, str]
) -> None:
    """Nothing is left to be said then."""
    database = roles.owner.environment["AUTHRIM_DATABASE"].rpartition("/")[2]
    administrator = CommandLine({**environment, "AUTHRIM_DATABASE": cluster.dsn(database)})
    result = administrator.run("--json", "migrate", "--grant-to", roles.name)
    assert '"role_settings": true' in result.stdout
    assert result.stderr == ""


def test_who_may_not_grant_is_told(roles: Roles) -> None:
    """A role that does not exist, and one that owns nothing, are refused in words."""
    assert (
        "there is no role nobody: make it"
        in roles.owner.run("migrate", "--grant-to", "nobody", status=1).stderr
    )
    assert "--grant-to" in roles.server.run("client", "list", status=1).stderr
    assert "as its owner" in roles.server.run("migrate", status=1).stderr
    roles.owner.run("migrate", "--grant-to", roles.name)
    assert "as its owner" in roles.server.run("migrate", "--grant-to", roles.name, status=1).stderr
