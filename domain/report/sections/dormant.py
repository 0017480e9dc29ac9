"""Accounts and clients that may be used and that nobody uses."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from domain.client.events import ClientDeleted, ClientDisabled, ClientEnabled, ClientRegistered, ClientUpdated
from domain.grant.events import AccessTokenIssued, AuthorizationAnswered, CodeIssued, SubjectAuthenticated
from domain.log_entry import LogEntry
from domain.person.account_events import AccountCreated, AccountDisabled, AccountEnabled, PersonErased
from domain.person.session_events import SessionReauthenticated, SessionStarted
from domain.report.exceptions import Rule, findings_of
from domain.report.model import Figure, Section, Table, Value
from domain.report.over_time import time_text
from domain.report.section import Context, tags
from domain.report.trails import Trails
from domain.units import DAY, MICROSECONDS

#: PCI DSS 8.2.6 demands to disable or remove an account within this many days of inactivity. Others leave it to you.
DORMANT_DAYS: Final = 90
_INTRO: Final = (
    "Accounts of people and clients (applications) that may be used, and when each was used last. An account is used "
    "when its person signs in, or is known from a session in the browser. A client is used when it is given a code or "
    "a token, or an answer to an authorization request. All ages are counted to the end of the period; what was "
    f"not used for {DORMANT_DAYS} days counts as dormant."
)
_CANNOT_SHOW: Final = (
    "Whether the person still works with you, or the application is still needed: compare with your records of staff "
    "and of applications.",
    "What a person does in an application after the sign-in, and whether an application that was given a long-lived "
    "token still uses it: see the logs of the applications.",
    "The use of a client that only asks what tokens are worth (introspection): that is not recorded. Such clients are "
    "marked in the table, and are no exception here.",
)
_RULES: Final = (
    Rule(
        "dormant.accounts_dormant", "warning",
        f"Accounts that may sign in and were not used for {DORMANT_DAYS} days or more: {{value}}. Disable those that "
        "nobody needs.",
    ),
    Rule(
        "dormant.clients_dormant", "warning",
        f"Clients that may act and were not used for {DORMANT_DAYS} days or more: {{value}}. Disable those that "
        "nobody needs.",
    ),
)  # fmt: skip
_BUCKETS: Final = (
    (30, "less than 30 days"),
    (90, "30 to 89 days"),
    (180, "90 to 179 days"),
    (365, "180 to 364 days"),
)
_LONGER: Final = "365 days or more"
_NEVER: Final = "never used"
_MOST: Final = 200
#: What was used since is in no list.
_SOME_DAYS: Final = 30
_TITLE: Final = f"{{}} never used, or not for {_SOME_DAYS} days, the longest time first"


class _Use(msgspec.Struct, gc=False):
    """Since when something is there, and when it was used last. Times in µs; 0: never. ``apart``: its use cannot be
    seen."""

    since: int
    since_at: int
    last: int = 0
    last_at: int = 0
    active: bool = True
    apart: bool = False

    @property
    def shown_by(self) -> int:
        """The event that shows its last use, or that it is there."""
        return self.last or self.since


class Dormant:
    """The section."""

    id = "dormant"
    title = "Dormant accounts and clients"
    wants = tags(
        AccountCreated, AccountDisabled, AccountEnabled, PersonErased, SubjectAuthenticated, SessionStarted,
        SessionReauthenticated, ClientRegistered, ClientUpdated, ClientDisabled, ClientEnabled, ClientDeleted,
        AccessTokenIssued, AuthorizationAnswered, CodeIssued,
    )  # fmt: skip

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._accounts: dict[str, _Use] = {}
        self._clients: dict[str, _Use] = {}

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        match entry.event:
            case AccessTokenIssued(client_id=client_id):
                _used(self._clients, client_id, entry)
            case SubjectAuthenticated(subject=subject) | SessionStarted(subject=subject):
                _used(self._accounts, subject, entry)
            case SessionReauthenticated() if entry.metadata.subject:
                _used(self._accounts, entry.metadata.subject, entry)
            case CodeIssued(client_id=client_id) | AuthorizationAnswered(client_id=client_id) if client_id:
                _used(self._clients, client_id, entry)
            case AccountCreated(subject=subject):
                self._accounts[subject] = _Use(entry.position, entry.recorded_at)
            case AccountDisabled() | AccountEnabled() | PersonErased():
                self._account_changed(entry, in_period=in_period)
            case _:
                self._client_changed(entry, in_period=in_period)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        end = context.period.ends_at
        figures = (*self._of_accounts(context), *self._of_clients(context))
        accounts, clients = _active(self._accounts), _active(self._clients)
        tables = (
            _by_age("dormant.account_ages", "Accounts that may sign in, by time since they were used", accounts, end),
            _longest("dormant.accounts_longest", _TITLE.format("Accounts"), "Account", accounts, end),
            _by_age("dormant.client_ages", "Clients that may act, by time since they were used", clients, end),
            _longest("dormant.clients_longest", _TITLE.format("Clients"), "Client", clients, end),
        )  # fmt: skip
        return Section(
            self.id, self.title, _INTRO, figures, tables, findings=tuple(findings_of(figures, _RULES)),
            cannot_show=_CANNOT_SHOW,
        )  # fmt: skip

    def _account_changed(self, entry: LogEntry, *, in_period: bool) -> None:
        subject, of = entry.stream.id, self._trails.of
        match entry.event:
            case PersonErased():
                self._accounts.pop(subject, None)
                return
            case AccountDisabled() if in_period:
                of("dormant.accounts_disabled").add(entry.position)
        _there(self._accounts, subject, entry).active = isinstance(entry.event, AccountEnabled)

    def _client_changed(self, entry: LogEntry, *, in_period: bool) -> None:
        client_id, of = entry.stream.id, self._trails.of
        match entry.event:
            case ClientRegistered():
                self._clients[client_id] = _Use(entry.position, entry.recorded_at)
                self._clients[client_id].apart = _only_asks(entry.event)
            case ClientUpdated():
                _there(self._clients, client_id, entry).apart = _only_asks(entry.event)
            case ClientDeleted():
                self._clients.pop(client_id, None)
            case ClientDisabled():
                if in_period:
                    of("dormant.clients_disabled").add(entry.position)
                _there(self._clients, client_id, entry).active = False
            case _:
                _there(self._clients, client_id, entry).active = True

    def _of_accounts(self, context: Context) -> list[Figure]:
        of, active = self._trails.of, _active(self._accounts)
        in_period = [use for _, use in active if use.last >= context.period.first_position]
        return [
            of("dormant.accounts_active").add_all(use.since for _, use in active).figure(
                "Active accounts",
                "Accounts of people at the end of the period that are neither disabled nor erased.", unit="accounts",
            ),
            of("dormant.accounts_used").add_all(use.last for use in in_period).figure(
                "Accounts used in the period",
                "Those of them whose person signed in or was known from a session during the period.",
                unit="accounts",
            ),
            self._dormant("dormant.accounts_dormant", "Dormant accounts", "accounts", active, context),
            of("dormant.accounts_never").add_all(use.since for _, use in active if not use.last).figure(
                "Accounts that were never used",
                "Accounts that may sign in, and whose person has not done so since the account was made.",
                unit="accounts",
            ),
            of("dormant.accounts_disabled").figure(
                "Accounts disabled in the period", "How often an account was disabled during the period.",
                unit="accounts",
            ),
        ]  # fmt: skip

    def _of_clients(self, context: Context) -> list[Figure]:
        of, active = self._trails.of, _active(self._clients)
        in_period = [use for _, use in active if use.last >= context.period.first_position]
        seen = [(name, use) for name, use in active if not use.apart]
        return [
            of("dormant.clients_active").add_all(use.since for _, use in active).figure(
                "Active clients",
                "Clients (applications) at the end of the period that are neither disabled nor deleted.",
                unit="clients",
            ),
            of("dormant.clients_used").add_all(use.last for use in in_period).figure(
                "Clients used in the period",
                "Those of them that were given a code, a token or an answer during the period.",
                unit="clients",
            ),
            self._dormant("dormant.clients_dormant", "Dormant clients", "clients", seen, context),
            of("dormant.clients_never").add_all(use.since for _, use in seen if not use.last).figure(
                "Clients that were never used",
                "Clients that may act, and were not given a code, a token or an answer since they were registered.",
                unit="clients",
            ),
            of("dormant.clients_disabled").figure(
                "Clients disabled in the period", "How often a client was disabled during the period.", unit="clients",
            ),
        ]  # fmt: skip

    def _dormant(
        self, figure_id: str, label: str, what: str, active: Iterable[tuple[str, _Use]], context: Context
    ) -> Figure:
        end = context.period.ends_at
        idle = [use for _, use in active if _days(use, end) >= DORMANT_DAYS]
        return self._trails.of(figure_id).add_all(use.shown_by for use in idle).figure(
            label,
            f"Active {what} that were not used for {DORMANT_DAYS} days or more at the end of the period. For one that "
            "was never used, the days since it was made count. The events are their last uses, or how they began.",
            unit=what,
        )  # fmt: skip


def _only_asks(event: ClientRegistered | ClientUpdated) -> bool:
    """Whether the client may introspect tokens. Its use for that leaves no event."""
    return bool(event.metadata.get("may_introspect"))


def _there(uses: dict[str, _Use], name: str, entry: LogEntry) -> _Use:
    """What is known of something; of one that the log that was read does not begin, from here on."""
    return uses.setdefault(name, _Use(entry.position, entry.recorded_at))


def _used(uses: dict[str, _Use], name: str, entry: LogEntry) -> None:
    use = uses.get(name)
    if use is None:
        # Erased or deleted: what is still written about it does not bring it back.
        return
    use.last, use.last_at = entry.position, entry.recorded_at


def _active(uses: dict[str, _Use]) -> list[tuple[str, _Use]]:
    return [(name, use) for name, use in sorted(uses.items()) if use.active]


def _days(use: _Use, end: int) -> int:
    return max(end - (use.last_at or use.since_at), 0) // (DAY * MICROSECONDS)


def _by_age(table_id: str, title: str, active: Iterable[tuple[str, _Use]], end: int) -> Table:
    counts = dict.fromkeys((*(name for _, name in _BUCKETS), _LONGER, _NEVER), 0)
    for _, use in active:
        counts[_age(use, end)] += 1
    return Table(table_id, title, ("Last used", "Count"), tuple(counts.items()))


def _age(use: _Use, end: int) -> str:
    if not use.last:
        return _NEVER
    days = _days(use, end)
    return next((name for limit, name in _BUCKETS if days < limit), _LONGER)


def _longest(table_id: str, title: str, what: str, active: Sequence[tuple[str, _Use]], end: int) -> Table:
    unused = [one for one in active if not one[1].last or _days(one[1], end) >= _SOME_DAYS]
    longest = sorted(unused, key=lambda one: (-_days(one[1], end), one[0]))
    columns = (what, "Since (UTC)", "Last used (UTC)", "Days", "Remark")
    return Table(table_id, title, columns, tuple(_rows(longest[:_MOST], end)), max(len(longest) - _MOST, 0))


def _rows(uses: Iterable[tuple[str, _Use]], end: int) -> Iterator[tuple[Value, ...]]:
    for name, use in uses:
        last = time_text(use.last_at) if use.last else _NEVER
        remark = "may introspect tokens, which is not recorded" if use.apart else ""
        yield (name, time_text(use.since_at), last, _days(use, end), remark)
