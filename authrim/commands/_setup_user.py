"""Which user of the system does what: root makes files, the user of the server owns them and what is in the database.

On a Unix socket PostgreSQL knows a role by the user who connects (peer authentication), so the database is asked as
the user with the name of the role.
"""

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from authrim.commands._setup_answers import Unusable
from authrim.store.migrate import is_postgres
from authrim.store.postgres.address import read_address

#: The user that packages make for the service.
SERVICE_USER: Final = "authrim"

#: The variables that say who somebody is, by the fields of the user: PostgreSQL's client takes the role of an address
#: without one from the name, and looks for certificates and passwords in the home.
_OF_USER: Final = {"HOME": "pw_dir", "LOGNAME": "pw_name", "USER": "pw_name"}

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
    rights = (os.getgroups(), os.getegid(), os.geteuid())
    variables = {name: os.environ.get(name) for name in _OF_USER}
    _take_rights(os.getgrouplist(user.pw_name, user.pw_gid), user.pw_gid, user.pw_uid)
    _set({name: getattr(user, field) for name, field in _OF_USER.items()})
    try:
        yield
    finally:
        _take_rights(*rights)
        _set(variables)


def _take_rights(groups: list[int], group: int, user: int) -> None:
    """Change the effective user. Only root may change groups, so the real user, root, comes first."""
    os.seteuid(os.getuid())
    os.setgroups(groups)
    os.setegid(group)
    os.seteuid(user)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def _user(name: str) -> User | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
