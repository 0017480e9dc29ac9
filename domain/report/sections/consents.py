"""Consents that people gave and withdrew."""

from collections import Counter
from typing import Final

from domain.client.events import ClientDeleted
from domain.grant.events import AuthorizationRefused, ConsentGranted
from domain.log_entry import LogEntry
from domain.person.account_events import ConsentRemembered, ConsentWithdrawn, PersonErased
from domain.report.model import Figure, Section, Table
from domain.report.over_time import OverTime
from domain.report.section import Context, tags
from domain.report.trails import Trails

_INTRO: Final = (
    "A person agrees on a page of this server to what a client asks for. The consent stands until the person or an "
    "administrator withdraws it, the person is erased or the client is deleted."
)
_CANNOT_SHOW: Final = (
    "What the person was told elsewhere before agreeing, such as on the pages of the application.",
    "Consents that were given outside this server, on paper or to the application itself.",
)
#: Rows of a table; more are not read.
_MOST_ROWS: Final = 100
_DECLINED: Final = "access_denied"


class Consents:
    """The section. Its state is the consents that stand."""

    id = "consents"
    title = "Consents"
    wants = tags(
        ConsentGranted, AuthorizationRefused, ConsentRemembered, ConsentWithdrawn, PersonErased, ClientDeleted
    )

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        #: By subject and client: the position of the newest consent, and what it is for.
        self._standing: dict[str, dict[str, tuple[int, tuple[str, ...]]]] = {}
        self._before: list[int] | None = None
        self._given: Counter[str] = Counter()
        self._withdrawn: Counter[str] = Counter()
        self._given_over_time, self._withdrawn_over_time = OverTime(), OverTime()

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        if in_period:
            if self._before is None:
                self._before = self._positions()
            self._count(entry)
        subject = entry.stream.id
        match entry.event:
            case ConsentRemembered(client_id=client_id, scope=scope):
                self._standing.setdefault(subject, {})[client_id] = entry.position, scope
            case ConsentWithdrawn(client_id=client_id):
                self._standing.get(subject, {}).pop(client_id, None)
            case PersonErased():
                self._standing.pop(subject, None)
            case ClientDeleted():
                for of_person in self._standing.values():
                    of_person.pop(entry.stream.id, None)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        series = (
            self._given_over_time.series(
                "consents.given_over_time", "Consents given", "consents", context.period
            ),
            self._withdrawn_over_time.series(
                "consents.withdrawn_over_time", "Consents withdrawn", "consents", context.period
            ),
        )
        tables = (self._by_client(), self._by_scope())
        return Section(self.id, self.title, _INTRO, self._figures(), tables, series, cannot_show=_CANNOT_SHOW)

    def _count(self, entry: LogEntry) -> None:
        match entry.event:
            case ConsentGranted(remembered=remembered):
                self._trails.of("consents.remembered" if remembered else "consents.given").add(entry.position)
                if not remembered:
                    self._given_over_time.add(entry.recorded_at)
            case ConsentRemembered(client_id=client_id):
                self._given[client_id] += 1
            case ConsentWithdrawn(client_id=client_id, ends_grants=ends):
                self._withdrawn[client_id] += 1
                self._withdrawn_over_time.add(entry.recorded_at)
                self._trails.of("consents.withdrawn").add(entry.position)
                if ends:
                    self._trails.of("consents.withdrawn_with_grants").add(entry.position)
            case AuthorizationRefused(error=error) if error == _DECLINED:
                self._trails.of("consents.declined").add(entry.position)

    def _positions(self) -> list[int]:
        return [position for clients in self._standing.values() for position, _ in clients.values()]

    def _figures(self) -> tuple[Figure, ...]:
        of, now = self._trails.of, self._positions()
        before = now if self._before is None else self._before
        return (
            of("consents.given").figure(
                "Consents given", "How often a person agreed on the consent page.", unit="consents"
            ),
            of("consents.remembered").figure(
                "Answered by an earlier consent",
                "Requests for which the person had agreed before, so that they were not asked again.",
                unit="requests",
            ),
            of("consents.declined").figure(
                "Requests declined",
                "Requests that ended with access_denied: the person cancelled, or may not use the client.",
                unit="requests",
            ),
            of("consents.withdrawn").figure(
                "Consents withdrawn", "How often the consent to a client was withdrawn.", unit="consents"
            ),
            of("consents.withdrawn_with_grants").figure(
                "Withdrawn, and what was granted ended with it",
                "Withdrawals that ended everything that the client had been granted for the person.",
                unit="consents",
            ),
            of("consents.standing_before").add_all(before).figure(
                "Standing at the beginning", "Consents of people to clients that stood before the period.",
                unit="consents",
            ),
            of("consents.standing").add_all(now).figure(
                "Standing at the end", "Consents of people to clients that stand at the end of the period.",
                unit="consents",
            ),
        )  # fmt: skip

    def _by_client(self) -> Table:
        standing = Counter(client for clients in self._standing.values() for client in clients)
        names = sorted({*standing, *self._given, *self._withdrawn})
        rows = tuple((name, self._given[name], self._withdrawn[name], standing[name]) for name in names)
        return Table(
            "consents.by_client", "Consents by client",
            ("Client", "Given or renewed", "Withdrawn", "Standing at the end"),
            rows[:_MOST_ROWS], max(len(rows) - _MOST_ROWS, 0),
        )  # fmt: skip

    def _by_scope(self) -> Table:
        values = Counter(
            value
            for clients in self._standing.values()
            for _, scope in clients.values()
            for value in set(scope)
        )
        rows = tuple(sorted(values.items(), key=lambda row: (-row[1], row[0])))
        return Table(
            "consents.by_scope", "What the standing consents are for", ("Scope value", "Consents"),
            rows[:_MOST_ROWS], max(len(rows) - _MOST_ROWS, 0),
        )  # fmt: skip
