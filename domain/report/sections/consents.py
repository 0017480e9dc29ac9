"""Consents that people gave and withdrew."""

from array import array
from collections import Counter
from collections.abc import Iterator
from sys import intern
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


#: Bits of a number that have a position: those above have the number of a scope.
_POSITION_BITS: Final = 63


class _Standing:
    """The consents that stand, by subject and client: the position of the newest, and what it is for. There may be one
    for each person and client, so each is one number, and each scope is there once."""

    def __init__(self) -> None:
        self._of_people: dict[str, dict[str, int]] = {}
        self._numbers: dict[tuple[str, ...], int] = {}

    def give(self, subject: str, client_id: str, position: int, scope: tuple[str, ...]) -> None:
        """A consent is given, or renewed."""
        number = self._numbers.setdefault(scope, len(self._numbers))
        self._of_people.setdefault(subject, {})[intern(client_id)] = number << _POSITION_BITS | position

    def withdraw(self, subject: str, client_id: str) -> None:
        """A consent is no more."""
        self._of_people.get(subject, {}).pop(client_id, None)

    def erase(self, subject: str) -> None:
        """A person is no more."""
        self._of_people.pop(subject, None)

    def forget_client(self, client_id: str) -> None:
        """A client is no more."""
        for of_person in self._of_people.values():
            of_person.pop(client_id, None)

    def positions(self) -> "array[int]":
        """The positions of those that stand."""
        mask = (1 << _POSITION_BITS) - 1
        return array("Q", (one & mask for clients in self._of_people.values() for one in clients.values()))

    def clients(self) -> Counter[str]:
        """How many stand for each client."""
        return Counter(client for clients in self._of_people.values() for client in clients)

    def scope_values(self) -> Counter[str]:
        """How many stand for each value of a scope."""
        numbers = Counter(one >> _POSITION_BITS for one in self._all())
        values = Counter[str]()
        for scope, number in self._numbers.items():
            values.update(dict.fromkeys(scope, numbers[number]) if numbers[number] else {})
        return values

    def _all(self) -> Iterator[int]:
        for clients in self._of_people.values():
            yield from clients.values()


class Consents:
    """The section. Its state is the consents that stand."""

    id = "consents"
    title = "Consents"
    wants = tags(
        ConsentGranted, AuthorizationRefused, ConsentRemembered, ConsentWithdrawn, PersonErased, ClientDeleted
    )

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._standing = _Standing()
        self._before: array[int] | None = None
        self._given: Counter[str] = Counter()
        self._withdrawn: Counter[str] = Counter()
        self._given_over_time, self._withdrawn_over_time = OverTime(), OverTime()

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        if in_period:
            if self._before is None:
                self._before = self._standing.positions()
            self._count(entry)
        subject = entry.stream.id
        match entry.event:
            case ConsentRemembered(client_id=client_id, scope=scope):
                self._standing.give(subject, client_id, entry.position, scope)
            case ConsentWithdrawn(client_id=client_id):
                self._standing.withdraw(subject, client_id)
            case PersonErased():
                self._standing.erase(subject)
            case ClientDeleted():
                self._standing.forget_client(entry.stream.id)

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

    def _figures(self) -> tuple[Figure, ...]:
        of, now = self._trails.of, self._standing.positions()
        before = now if self._before is None else self._before
        return (
            of("consents.given").figure(
                "Consents given", "How often a person agreed on the consent page.", unit="consents"
            ),
            of("consents.remembered").figure(
                "Requests answered by an earlier consent",
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
                "Consents withdrawn with what was granted",
                "Withdrawals that ended everything that the client had been granted for the person.",
                unit="consents",
            ),
            of("consents.standing_before").add_all(before).figure(
                "Consents standing at the beginning", "Consents of people to clients that stood before the period.",
                unit="consents",
            ),
            of("consents.standing").add_all(now).figure(
                "Consents standing at the end", "Consents of people to clients that stand at the end of the period.",
                unit="consents",
            ),
        )  # fmt: skip

    def _by_client(self) -> Table:
        standing = self._standing.clients()
        names = sorted({*standing, *self._given, *self._withdrawn})
        rows = tuple((name, self._given[name], self._withdrawn[name], standing[name]) for name in names)
        return Table(
            "consents.by_client", "Consents by client",
            ("Client", "Given or renewed", "Withdrawn", "Standing at the end"),
            rows[:_MOST_ROWS], max(len(rows) - _MOST_ROWS, 0),
        )  # fmt: skip

    def _by_scope(self) -> Table:
        rows = tuple(sorted(self._standing.scope_values().items(), key=lambda row: (-row[1], row[0])))
        return Table(
            "consents.by_scope", "What the standing consents are for", ("Scope value", "Consents"),
            rows[:_MOST_ROWS], max(len(rows) - _MOST_ROWS, 0),
        )  # fmt: skip
