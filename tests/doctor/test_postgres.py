"""Mistakes in PostgreSQL: its settings, the rights of the role, its sessions."""

from collections.abc import Iterator

import pytest

from authrim.store.postgres.application_role import grant_application_role
from tests.doctor.examinations import findings, settings_at
from tests.postgres_cluster import USER, Cluster

ASKED = ("database", "durability", "role", "sessions", "pooler")


@pytest.fixture
def database(postgres_dsn: str) -> str:
    """The name of an empty database with the schema."""
    return postgres_dsn.rpartition("/")[2]


@pytest.fixture
def role(cluster: Cluster, database: str) -> Iterator[str]:
    """A role that may log in, and nothing more."""
    name = f"doctor_{database}"
    cluster.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    cluster.execute(f"DROP OWNED BY {name}", database)
    cluster.execute(f"DROP ROLE {name}")


@pytest.fixture
async def application(cluster: Cluster, postgres_dsn: str, role: str) -> str:
    """The address with a role that may run the server."""
    await grant_application_role(postgres_dsn, role)
    return cluster.dsn(postgres_dsn.rpartition("/")[2], role)


async def test_a_role_of_its_own_is_found_in_order(application: str) -> None:
    """With the role of ``migrate --grant-to`` there is nothing to mend."""
    assert set(await findings(settings_at(application), *ASKED)) <= {"durability.checksums"}


async def test_a_superuser(postgres_dsn: str) -> None:
    """The command that makes a role for the server is named."""
    found = await findings(settings_at(postgres_dsn), "database", "role")
    assert "migrate --grant-to" in found["role.superuser"].fix


async def test_the_owner_of_the_tables(cluster: Cluster, database: str, role: str, application: str) -> None:
    """Whoever owns a table may take its triggers away."""
    cluster.execute(f"GRANT {cluster_owner(cluster, database)} TO {role}", database)
    found = await findings(settings_at(application), "database", "role")
    assert list(found) == ["role.owner"]


def cluster_owner(cluster: Cluster, database: str) -> str:
    """A role that owns one table of the database and is not a superuser."""
    cluster.execute("DO $$ BEGIN CREATE ROLE doctor_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    cluster.execute("ALTER TABLE authrim.guard OWNER TO doctor_owner", database)
    return "doctor_owner"


async def test_a_role_that_writes_to_the_log(
    cluster: Cluster, database: str, role: str, application: str
) -> None:
    """Decisions 11: it may only call the append function."""
    cluster.execute(f"GRANT INSERT ON authrim.events TO {role}", database)
    found = await findings(settings_at(application), "database", "role")
    assert "REVOKE INSERT" in found["role.writes_log"].fix


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("GRANT UPDATE (payload) ON authrim.events TO {role}", "role.writes_log"),
        ("GRANT TRIGGER ON authrim.ledger TO {role}", "role.writes_log"),
        ("GRANT {writer} TO {role}", "role.writes_log"),
        ("GRANT {owner} TO {role}", "role.owner"),
        ("ALTER SCHEMA authrim OWNER TO {role}", "role.owner"),
        ("ALTER DATABASE {database} OWNER TO {role}", "role.owner"),
        ("GRANT {superuser} TO {role}", "role.superuser"),
        ("ALTER ROLE {role} CREATEROLE", "role.powers"),
        ("ALTER ROLE {role} REPLICATION", "role.powers"),
        ("GRANT pg_execute_server_program TO {role}", "role.powers"),
        ("GRANT CREATE ON SCHEMA authrim TO {role}", "role.powers"),
    ],
)
async def test_other_ways_to_the_log(
    cluster: Cluster, database: str, role: str, application: str, statement: str, wanted: str
) -> None:
    """Decisions 11: a role that does not inherit what others have may still become them, and there are more ways to
    change the log than to write to its tables."""
    writer = f"{role}_writer"
    cluster.execute(f"CREATE ROLE {writer}")
    cluster.execute(f"GRANT INSERT ON authrim.events TO {writer}", database)
    cluster.execute(f"ALTER ROLE {role} NOINHERIT")
    names = {"role": role, "writer": writer, "database": database, "superuser": USER}
    cluster.execute(statement.format(**names, owner=cluster_owner(cluster, database)), database)
    try:
        found = await findings(settings_at(application), "database", "role")
        assert list(found) == [wanted], {name: one.detail for name, one in found.items()}
    finally:
        cluster.execute(f"ALTER SCHEMA authrim OWNER TO {USER}", database)
        cluster.execute(f"ALTER DATABASE {database} OWNER TO {USER}")
        cluster.execute(f"DROP OWNED BY {writer}", database)
        cluster.execute(f"DROP ROLE {writer}")


async def test_a_role_that_lacks_rights(cluster: Cluster, database: str, role: str, application: str) -> None:
    """After an upgrade without ``--grant-to``; what is missing is named, and the role is in the fix."""
    cluster.execute(f"REVOKE INSERT ON authrim.outbox FROM {role}", database)
    found = await findings(settings_at(application), "database", "role")
    assert found["role.lacks"].detail.endswith("outbox")
    assert f"authrim migrate --grant-to {role}" in found["role.lacks"].fix


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("off", "durability.synchronous_commit"), ("local", "durability.weak_commit"), ("remote_apply", "")],
)
async def test_commits_that_are_not_kept(
    cluster: Cluster, role: str, application: str, value: str, wanted: str
) -> None:
    """The setting is seen where it was made, here with the role."""
    cluster.execute(f"ALTER ROLE {role} SET synchronous_commit = {value}")
    found = set(await findings(settings_at(application), "database", "durability"))
    assert found - {"durability.checksums"} == ({wanted} if wanted else set())


async def test_a_cluster_without_fsync(cluster: Cluster, application: str) -> None:
    """Settings of the whole cluster, made by a reload and taken back."""
    for name in ("fsync", "full_page_writes"):
        cluster.execute(f"ALTER SYSTEM SET {name} = off")
    cluster.execute("SELECT pg_reload_conf()")
    try:
        found = await findings(settings_at(application), "database", "durability")
    finally:
        for name in ("fsync", "full_page_writes"):
            cluster.execute(f"ALTER SYSTEM RESET {name}")
        cluster.execute("SELECT pg_reload_conf()")
    assert {"durability.full_page_writes"} <= set(found), found


async def test_a_role_that_only_reads(cluster: Cluster, role: str, application: str) -> None:
    """As on a standby, nothing can be recorded."""
    cluster.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    found = await findings(settings_at(application), "database")
    assert "primary" in found["database.read_only"].fix


async def test_too_few_sessions(cluster: Cluster, role: str, application: str) -> None:
    """The limit of the role counts too."""
    cluster.execute(f"ALTER ROLE {role} CONNECTION LIMIT 20")
    found = await findings(settings_at(application, workers=2), "database", "sessions")
    assert "3 processes open up to 36, and PostgreSQL takes 20" in found["sessions.too_few"].detail
    assert "max_connections" in found["sessions.too_few"].fix
    assert "sessions.too_few" not in await findings(
        settings_at(application, background="none"), "database", "sessions"
    )


async def test_a_pooler_that_is_not_there(application: str) -> None:
    """The setting for a pooler costs time where there is none."""
    found = await findings(settings_at(application, database_pooled=True), "database", "pooler")
    assert list(found) == ["pooler.not_there"]


async def test_a_database_without_a_schema(cluster: Cluster) -> None:
    """The command that makes it is named."""
    name = cluster.new_database("template0")
    found = await findings(settings_at(cluster.dsn(name)), "database", "log")
    cluster.drop_database(name)
    assert list(found) == ["database.other_schema"]
