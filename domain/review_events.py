"""Reviews of access: that somebody looked through who can do what."""

from domain.event import Event, registry


class AccessReviewed(Event, frozen=True, tag="audit.access_reviewed.v1"):
    """Somebody looked through who can do what, in a compliance report. ``position`` is the last event that it tells of,
    ``report`` the SHA-256 of its ``report.json`` in hexadecimal. ``operator`` is the numeric user id that the command
    ran with."""

    position: int
    reviewed_at: int
    reason: str
    report: str = ""
    operator: str = ""


REVIEW_EVENTS = registry(AccessReviewed)
