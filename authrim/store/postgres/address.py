"""What the address of a PostgreSQL database says: the role, the database, whether it is a Unix socket."""

import getpass
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit


class Address(NamedTuple):
    """The parts of ``postgresql://role:password@host:port/database?…``, as libpq reads them (34.1.1.2). A role that is
    not written is the user of the process; a database that is not written has the name of the role."""

    role: str
    database: str
    has_password: bool
    by_socket: bool


def read_address(dsn: str) -> Address:
    """Read an address. A part in the query counts more than the same part before it."""
    url = urlsplit(dsn)
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    role = query.get("user") or unquote(url.username or "") or getpass.getuser()
    database = query.get("dbname") or query.get("database") or unquote(url.path.removeprefix("/")) or role
    host = query.get("host") or unquote(url.netloc.rpartition("@")[2].partition(":")[0])
    has_password = bool(url.password or query.get("password") or query.get("passfile"))
    return Address(role, database, has_password, not host or host.startswith("/"))
