"""Access review: who can do what at the end of the period, and what changed during it and since the last review."""

from typing import Final

from domain.log_entry import LogEntry
from domain.report.access import clients, people
from domain.report.access.changes import AccessChanges
from domain.report.access.clients import ClientsAccess
from domain.report.access.people import PeopleAccess
from domain.report.access.receivers import Receivers
from domain.report.access.registration import RegistrationAccess
from domain.report.exceptions import findings_of
from domain.report.model import Section
from domain.report.section import Context, tags
from domain.report.trails import Trails
from domain.report.wording import end_of
from domain.review_events import AccessReviewed

_INTRO: Final = (
    "Who can do what at the end of the period: people with a role of this server, people who may sign in, what each "
    "client (application) may ask for, who may register new clients, and who else is told of events. And what "
    "of that changed during the period and since the last review. A review is recorded with authrim report reviewed."
)
_CANNOT_SHOW: Final = (
    "Who can run commands of this server, read its database or its master keys: see the accounts and groups of the "
    "server's machine and of the database.",
    "What a person may do inside an application: roles and groups that applications are told of are data about the "
    "person, which the log does not have. The applications and your directory show them.",
    "Who the people behind the pseudonyms are: authrim account show tells it to whoever may ask, and records that.",
    "Whether what the applications may do is right for them: that is for the reviewer to say.",
)
_REVIEWED: Final = tags(AccessReviewed)


class AccessReview:
    """The section."""

    id = "access_review"
    title = "Access review"
    wants = PeopleAccess.wants | ClientsAccess.wants | RegistrationAccess.wants | Receivers.wants | _REVIEWED

    def __init__(self, trails: Trails) -> None:
        self._changes = AccessChanges(trails)
        self._people = PeopleAccess(trails, self._changes)
        self._clients = ClientsAccess(trails, self._changes)
        self._registration = RegistrationAccess(trails)
        self._receivers = Receivers(trails, self._changes)

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        if entry.type in PeopleAccess.wants:
            self._people.add(entry, in_period=in_period)
        elif entry.type in ClientsAccess.wants:
            self._clients.add(entry, in_period=in_period)
        elif entry.type in Receivers.wants:
            self._receivers.add(entry, in_period=in_period)
        elif isinstance(entry.event, AccessReviewed):
            self._changes.review(entry, entry.event, in_period=in_period)
        else:
            self._registration.add(entry)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        now = end_of(context.period.ends_at)
        figures = (
            *self._people.figures(), *self._clients.figures(), *self._registration.figures(now),
            *self._receivers.figures(), *self._changes.figures(now),
        )  # fmt: skip
        found = (
            *findings_of(figures, (*people.RULES, *clients.RULES)), *self._registration.findings(),
            *self._changes.findings(now),
        )  # fmt: skip
        tables = (
            self._people.table(), self._clients.table(), self._changes.table(), self._registration.table(now),
            self._receivers.table(),
        )  # fmt: skip
        return Section(self.id, self.title, _INTRO, figures, tables, findings=found, cannot_show=_CANNOT_SHOW)
