"""Which user of the system does what: root makes files, the user of the server owns them and what is in the database.

On a Unix socket PostgreSQL knows a role by the user who connects (peer authentication), so the database is asked as
the user with the name of the role.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from authrim.commands._setup_answers import Unusable
from authrim.store.migrate import is_postgres
from authrim.store.postgres.address import read_address

#: The user that packages make for the service.
SERVICE_USER: Final = "authrim"

User = pwd.struct_passwd


def server_user(name: str | None) -> User | None:
    """The user that the server runs as, if this process may act as it; None: the one who runs this. Raises Unusable."""
    if os.geteuid() != 0:
        if name is not None and name != pwd.getpwuid(os.geteuid()).pw_name:
            raise Unusable("--user: only root may make an installation of another user")
        return None
    wanted = name or SERVICE_USER
    found = _user(wanted)
    if found is None:
        raise Unusable(
            f"there is no user {wanted}, whom the server runs as: make it with systemd-sysusers or "
            f"useradd --system {wanted}, or name another one with --user"
        )
    return found


def user_for(database: str, of_server: User | None) -> User | None:
    """As whom to open a database: the user of the role on a Unix socket, else that of the server."""
    if of_server is None or not is_postgres(database):
        return of_server
    with acting_as(of_server):
        address = read_address(database)
    return (_user(address.role) or of_server) if address.by_socket else of_server


@contextmanager
def acting_as(user: User | None) -> Iterator[None]:
    """Do something with the rights of a user; afterwards with those from before."""
    if user is None or os.geteuid() == user.pw_uid:
        yield
        return
    before = (os.getgroups(), os.getegid(), os.geteuid(), os.environ.get("LOGNAME"))
    os.setgroups(os.getgrouplist(user.pw_name, user.pw_gid))
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    os.environ["LOGNAME"] = user.pw_name  # the role of an address without one
    try:
        yield
    finally:
        groups, group, own, name = before
        os.seteuid(own)
        os.setegid(group)
        os.setgroups(groups)
        os.environ.pop("LOGNAME", None)
        if name is not None:
            os.environ["LOGNAME"] = name


def _user(name: str) -> User | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
