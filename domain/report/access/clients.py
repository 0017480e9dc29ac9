"""Clients: what each of them may do."""

from typing import Final

from domain.client.events import ClientDeleted, ClientDisabled, ClientEnabled, ClientRegistered, ClientUpdated
from domain.log_entry import LogEntry
from domain.report.access.changes import AccessChanges
from domain.report.access.client import ClientAccess, access_of, differences_of
from domain.report.exceptions import Rule
from domain.report.model import Figure, Table
from domain.report.section import tags
from domain.report.trails import Trails
from domain.report.wording import clean

RULES: Final = (
    Rule(
        "access_review.clients_without_consent", "note",
        "Clients for which people are not asked for their consent: {value}. That is meant for your own applications.",
    ),
)  # fmt: skip
_MOST: Final = 500
#: How often something happened in the period, by the event.
_HAPPENED: Final = {
    ClientRegistered: "registered", ClientUpdated: "changed", ClientDeleted: "removed", ClientDisabled: "removed",
    ClientEnabled: "enabled",
}  # fmt: skip
_COUNTED: Final = (
    ("registered", "Clients registered", "How often a client was registered during the period."),
    (
        "changed", "Changes of what a client may do",
        "Changes of a registration during the period that changed what the client may do.",
    ),
    ("removed", "Clients disabled or deleted", "How often a client lost its access during the period."),
    ("enabled", "Clients enabled again", "How often a disabled client got its access back during the period."),
)  # fmt: skip


class ClientsAccess:
    """What clients may do, while the log is read."""

    wants = tags(ClientRegistered, ClientUpdated, ClientDisabled, ClientEnabled, ClientDeleted)

    def __init__(self, trails: Trails, changes: AccessChanges) -> None:
        self._trails, self._changes = trails, changes
        self._clients: dict[str, ClientAccess] = {}

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        client_id = entry.stream.id
        before = self._clients.get(client_id)
        after = access_of(before, entry.event, entry.position)
        if after is None:
            self._clients.pop(client_id, None)
        else:
            self._clients[client_id] = after
        text = differences_of(before, after)
        if text:
            figure_id = f"access_review.clients_{_HAPPENED[type(entry.event)]}"
            self._changes.note(entry, figure_id, (client_id, text), in_period=in_period)

    def figures(self) -> list[Figure]:
        """What clients may do at the end of the period, and how often that changed."""
        active = [one for one in self._clients.values() if one.active]
        chosen = (
            ("clients", "Clients that may act", "Clients that are not disabled at the end of the period.", active),
            (
                "clients_own", "Clients that act for themselves",
                "Clients that may get tokens without a person (client credentials).",
                [one for one in active if one.acts_alone],
            ),
            (
                "clients_public", "Clients without credentials",
                "Public clients: anybody can act in their name, so what they are given goes only to their registered "
                "addresses.", [one for one in active if one.method == "none"],
            ),
            (
                "clients_introspect", "Clients that may ask what tokens are worth",
                "Clients that may introspect tokens: they learn whose a token is and what it allows.",
                [one for one in active if one.introspects],
            ),
            (
                "clients_read_log", "Clients that may read the log",
                "Clients that may ask for the scope of the stream of events: they can learn whatever the log has.",
                [one for one in active if one.reads_log],
            ),
            (
                "clients_without_consent", "Clients without consent",
                "Clients for which people are not asked whether they agree.",
                [one for one in active if one.skips_consent],
            ),
            (
                "clients_by_themselves", "Clients that registered themselves",
                "Clients that no administrator registered: they came with a registration request or a metadata "
                "document.", [one for one in active if one.source != "admin"],
            ),
        )  # fmt: skip
        of = self._trails.of
        return [
            *(
                of(f"access_review.{name}").add_all(one.shown_by for one in ones).figure(label, meaning, unit="clients")
                for name, label, meaning, ones in chosen
            ),
            *(
                of(f"access_review.clients_{word}").figure(label, meaning, unit="clients")
                for word, label, meaning in _COUNTED
            ),
        ]  # fmt: skip

    def table(self) -> Table:
        """What each client may do."""
        rows = tuple((clean(name), *one.row) for name, one in sorted(self._clients.items()))
        return Table(
            "access_review.what_clients_may", "What each client may do", ("Client", *ClientAccess.COLUMNS),
            rows[:_MOST], max(len(rows) - _MOST, 0),
        )  # fmt: skip
