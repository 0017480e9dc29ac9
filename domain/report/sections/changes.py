"""Changes of clients, keys and settings, whoever made them, and those that demand less or allow more."""

from collections import Counter
from typing import Final

from domain.log_entry import LogEntry
from domain.report.event_names import name_of
from domain.report.exceptions import Rule, findings_of
from domain.report.model import Figure, Section, Table, Value
from domain.report.over_time import OverTime, time_text
from domain.report.section import Context
from domain.report.trails import Trails, slug
from domain.report.weakening import weakens
from domain.report.what_changed import CHANGES, Change, WhatChanged
from domain.report.wording import clean
from domain.stream import ACCOUNT, CLAIM, CLIENT, KEY, REGISTRATION, RESOURCE, ROLE, SCOPE, SETTING, WEBHOOK

_INTRO: Final = (
    "What was changed in the configuration: clients (the applications that may ask for access), keys of this server, "
    "its settings, resource servers (the APIs that tokens are for), claim definitions, scope texts, and webhooks "
    "(addresses that are told of events). Each change has its fields with their old and new values, whoever made it: "
    "an administrator, a client that manages its own registration, or a start of the server with other settings."
)
_CANNOT_SHOW: Final = (
    "Whether a change had been asked for, reviewed and tested: see your change management. The time and the position "
    "here lead to its ticket.",
    "Settings while no process of the server was started with them: they are recorded at a start only. What is in a "
    "file is read then, too.",
    "Changes of the machine, the database and the proxy before the server.",
    "Secrets and people's data: of these only that they were changed.",
)
_RULES: Final = (
    Rule(
        "changes.weaker", "warning",
        "Changes that demand less or allow more than before: {value}. They may be right; somebody should be able to "
        "say why. The table names them.",
    ),
    Rule(
        "changes.master_keys_given_up", "critical",
        "Master keys that were given up: {value}. What they sealed is lost.",
    ),
)  # fmt: skip
#: What each kind is in plain words. Accounts and roles are told in other sections.
_KINDS: Final = {
    CLIENT: ("clients", "the registrations of applications, with their secrets"),
    KEY: ("keys", "the keys with which this server signs, and those that others encrypt to"),
    SETTING: (
        "settings",
        "the settings that a process of this server started with, and master keys given up",
    ),
    RESOURCE: ("resource servers", "the APIs that tokens are issued for"),
    CLAIM: ("claim definitions", "which data about people there can be, and which scope releases it"),
    SCOPE: ("scope texts", "what people read about a scope before they agree"),
    WEBHOOK: ("webhooks", "the addresses of others that are told of events"),
    REGISTRATION: ("initial access tokens", "the tokens with which new clients may register, and their uses"),
}
_ACTORS: Final = {
    "admin": "administrator", "system": "server", "client": "client", "subject": "person", "": "not recorded",
}  # fmt: skip
_MOST: Final = 500


class Changes:
    """The section."""

    id = "changes"
    title = "Changes of clients, keys and settings"
    wants = frozenset(tag for tag in CHANGES if tag.partition(".")[0] not in (ACCOUNT, ROLE))

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._changed = WhatChanged()
        self._types: Counter[str] = Counter()
        self._fields: Counter[tuple[str, str]] = Counter()
        self._rows: list[tuple[Value, ...]] = []
        self._weaker: list[tuple[Value, ...]] = []
        self._left_out = self._weaker_left_out = 0
        self._over_time = OverTime()

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        change = self._changed.take(entry)
        if not in_period:
            return
        of, position = self._trails.of, entry.position
        of("changes.all").add(position)
        of(f"changes.of.{slug(change.kind)}").add(position)
        of(f"changes.by.{slug(entry.metadata.actor)}").add(position)
        if entry.type == "setting.master_key_given_up.v1":
            of("changes.master_keys_given_up").add(position)
        self._types[name_of(entry.type)] += 1
        self._fields.update((change.kind, one.field) for one in change.fields if one.old is not None)
        self._over_time.add(entry.recorded_at)
        self._left_out += _append(self._rows, (*_row(entry, change), change.text))
        self._note_weaker(entry, change)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        figures = tuple(self._figures())
        columns = ("Time (UTC)", "Position", "By", "Change", "Of what")
        tables = (
            Table("changes.types", "Changes by kind", ("Change", "Count"), _most_first(self._types)),
            Table(
                "changes.fields", "Fields that got another value", ("Kind", "Field", "Count"),
                tuple(
                    (kind, clean(name), count)
                    for (kind, name), count in sorted(self._fields.items(), key=lambda one: (-one[1], one[0]))[:100]
                ),
                max(len(self._fields) - 100, 0),
            ),
            Table(
                "changes.weaker", "Changes that demand less or allow more", (*columns, "Because"),
                tuple(self._weaker), self._weaker_left_out,
            ),
            Table(
                "changes.changes", "The changes, with old and new values", (*columns, "What changed"),
                tuple(self._rows), self._left_out,
            ),
        )  # fmt: skip
        series = self._over_time.series(
            "changes.per_day", "Changes of the configuration", "changes", context.period
        )
        return Section(
            self.id, self.title, _INTRO, figures, tables, (series,), tuple(findings_of(figures, _RULES)), _CANNOT_SHOW
        )  # fmt: skip

    def _note_weaker(self, entry: LogEntry, change: Change) -> None:
        why = "; ".join(weakens(change.kind, change.fields))
        if why:
            self._trails.of("changes.weaker").add(entry.position)
            self._weaker_left_out += _append(self._weaker, (*_row(entry, change), why))

    def _figures(self) -> list[Figure]:
        of = self._trails.of
        return [
            of("changes.all").figure(
                "Changes of the configuration",
                "Everything that changed how this server works or what clients may do during the period.",
                unit="changes",
            ),
            *(
                of(f"changes.of.{slug(kind)}").figure(f"Changes of {name}", f"Changes of {what}.", unit="changes")
                for kind, (name, what) in _KINDS.items()
            ),
            *(
                of(f"changes.by.{slug(actor)}").figure(
                    f"Changes by: {who}", _BY[actor], unit="changes",
                )
                for actor, who in _ACTORS.items()
            ),
            of("changes.weaker").figure(
                "Changes that demand less or allow more",
                "Changes after which a protection is weaker than before or a client may do more: for instance one that "
                "no longer has to prove its key, a longer life of tokens, more scope, or open registration.",
                unit="changes",
            ),
            of("changes.master_keys_given_up").figure(
                "Decisions to go on without a master key",
                "Lost keys of which an administrator decided to go on without them. What they had sealed is lost.",
                unit="keys",
            ),
        ]  # fmt: skip


_BY: Final = {
    "admin": "Changes that an administrator made with a command on the server's machine.",
    "system": "Changes that the server recorded by itself, such as other settings at a start, or a new key.",
    "client": "Changes that a client made to its own registration, or by registering itself.",
    "subject": "Changes that a person made on a page of this server.",
    "": "Changes of versions that did not record who made them.",
}


def _row(entry: LogEntry, change: Change) -> tuple[Value, ...]:
    metadata = entry.metadata
    who = _ACTORS.get(metadata.actor, clean(metadata.actor))
    by = f"{who} ({clean(metadata.operator)})" if metadata.operator else who
    return (time_text(entry.recorded_at), entry.position, by, name_of(entry.type), clean(change.thing))


def _append(rows: list[tuple[Value, ...]], row: tuple[Value, ...]) -> bool:
    """Keep a row while there is room. True: it was left out."""
    if len(rows) < _MOST:
        rows.append(row)
        return False
    return True


def _most_first(counter: Counter[str]) -> tuple[tuple[Value, ...], ...]:
    return tuple(sorted(counter.items(), key=lambda row: (-row[1], row[0])))
