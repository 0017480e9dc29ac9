"""Who may do what on the server's own pages. A role is of this server; the claim ``roles`` is for applications."""

from domain.event import Event, registry


class RoleGranted(Event, frozen=True, tag="role.granted.v1"):
    """An account was given a role of the server. The stream is that of the role."""

    role: str
    subject: str
    granted_at: int


class RoleTaken(Event, frozen=True, tag="role.taken.v1"):
    """An account lost a role of the server, at once."""

    role: str
    subject: str
    taken_at: int


ROLE_EVENTS = registry(RoleGranted, RoleTaken)
