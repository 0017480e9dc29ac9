"""What the auditor's pages show. Everything is pseudonymous: no name, login or address is in any of these."""

from collections.abc import Mapping

import msgspec
from markupsafe import Markup

from authrim.pages.views import Page


class AuditSignInPage(Page, frozen=True, kw_only=True):
    """The auditor's sign-in. It posts ``csrf``, ``login`` and ``password``."""

    action_url: str
    csrf_token: str
    login_value: str = ""
    error_message: str | None = None


class AuditPage(Page, frozen=True, kw_only=True):
    """What every page for auditors has. ``home`` is the address of the first one, ``current`` the name of this one.
    ``asked``: what is in the fields of the form. ``read_up_to``: the last position of the replica that was read.
    ``error_message`` and ``error_hint``: why there is no answer; they are not translated."""

    home: str
    current: str
    csrf_token: str
    auditor: str
    logout_url: str
    asked: Mapping[str, str] = {}
    read_up_to: int | None = None
    error_message: str | None = None
    error_hint: str = ""

    def field(self, name: str) -> str:
        """What is in a field of the form."""
        return self.asked.get(name, "")


class AuditLine(msgspec.Struct, frozen=True):
    """One event. ``kind`` and ``id`` name what it is about; ``url`` leads to its history, if there is one."""

    position: int
    time: str
    by: str
    what: str
    details: tuple[str, ...]
    kind: str
    id: str
    url: str = ""
    readable: bool = True


class Found(msgspec.Struct, frozen=True):
    """A page of events. ``position``: all up to there has been looked at; ``done``: that was all."""

    lines: tuple[AuditLine, ...]
    position: int
    done: bool


class AuditSearchPage(AuditPage, frozen=True, kw_only=True):
    """The form of a search, and what was found. ``types``: the event types that there are."""

    types: tuple[str, ...]
    found: Found | None = None


class Slider(msgspec.Struct, frozen=True):
    """Chooses a position of the log, for the state of a thing as of then. ``ticks``: positions of its events, with
    their times."""

    kind: str
    id: str
    first: int
    last: int
    at: int
    ticks: tuple[tuple[int, str], ...] = ()


class AuditHistoryPage(AuditPage, frozen=True, kw_only=True):
    """The history of a grant, a session or an account. ``status``: of a grant, in words."""

    kind: str = ""
    id: str = ""
    status: str = ""
    found: Found | None = None
    slider: Slider | None = None


class AuditErrorPage(AuditPage, frozen=True, kw_only=True):
    """Why a request was refused."""

    error: str
    explained: tuple[tuple[str, str], ...] = ()
    found: Found | None = None


class StateView(msgspec.Struct, frozen=True):
    """The state of one thing. ``url`` leads to its history."""

    kind: str
    id: str
    status: str
    as_of: str
    rows: tuple[tuple[str, str], ...]
    url: str = ""


class AuditStatePage(AuditPage, frozen=True, kw_only=True):
    """The state of a thing as of a time or a position."""

    kinds: tuple[str, ...]
    states: tuple[StateView, ...] | None = None
    slider: Slider | None = None


class ChangedFieldView(msgspec.Struct, frozen=True):
    """A field with its old and new value; ``hidden`` says what happened to one that is not told."""

    name: str
    old: str
    new: str
    hidden: str = ""


class ChangeView(msgspec.Struct, frozen=True):
    """One change, by whom, of which thing. ``readable`` is False where the values are not known."""

    position: int
    time: str
    what: str
    by: str
    thing: str
    fields: tuple[ChangedFieldView, ...] = ()
    readable: bool = True


class AuditChangesPage(AuditPage, frozen=True, kw_only=True):
    """Who changed what. ``position`` and ``done`` as in ``Found``."""

    kinds: tuple[str, ...]
    changes: tuple[ChangeView, ...] | None = None
    position: int = 0
    done: bool = True


class AuditReportsPage(AuditPage, frozen=True, kw_only=True):
    """The form for a compliance report, and the report. ``frameworks``: their ids and titles. ``report`` is markup that
    was made from a template, in which every value is escaped."""

    frameworks: tuple[tuple[str, str], ...]
    title: str = ""
    report: Markup | None = None


class Fact(msgspec.Struct, frozen=True):
    """One thing that is known of the log: its name is one of ``texts``; ``good`` None: neither good nor bad."""

    name: str
    value: str
    good: bool | None = None
    note: str = ""


class AuditIntegrityPage(AuditPage, frozen=True, kw_only=True):
    """The state of the log's integrity, as the server knows it without reading the log again."""

    facts_known: tuple[Fact, ...]
