"""People: who has a role of the server, and which accounts may sign in."""

from collections.abc import Iterator
from typing import Final

import msgspec

from domain.grant.events import SubjectAuthenticated
from domain.log_entry import LogEntry
from domain.person.account_events import AccountCreated, AccountDisabled, AccountEnabled, PersonErased
from domain.person.role_events import RoleGranted, RoleTaken
from domain.person.session_events import SessionReauthenticated, SessionStarted
from domain.report.access.changes import AccessChanges
from domain.report.exceptions import Rule
from domain.report.model import Figure, Table
from domain.report.over_time import time_text
from domain.report.section import tags
from domain.report.trails import Trails
from domain.report.wording import clean

RULES: Final = (
    Rule(
        "access_review.holders_unable", "warning",
        "Roles of the server that belong to a disabled or erased account: {value}. Take them away.",
    ),
    Rule(
        "access_review.holders_idle", "warning",
        "Roles of the server whose holder has not signed in since getting the role: {value}. A role that nobody uses "
        "can be taken away.",
    ),
)  # fmt: skip
_MOST: Final = 500
_HAPPENED: Final = {
    AccountCreated: "created", AccountDisabled: "disabled", AccountEnabled: "enabled", PersonErased: "erased",
}  # fmt: skip


class _Holder(msgspec.Struct, gc=False):
    """Somebody with a role: since when and by which event, and the last sign-in since then."""

    since: int
    since_at: int
    last_at: int = 0


class PeopleAccess:
    """Roles and accounts while the log is read."""

    wants = tags(
        RoleGranted, RoleTaken, AccountCreated, AccountDisabled, AccountEnabled, PersonErased, SubjectAuthenticated,
        SessionStarted, SessionReauthenticated,
    )  # fmt: skip

    def __init__(self, trails: Trails, changes: AccessChanges) -> None:
        self._trails, self._changes = trails, changes
        self._holders: dict[str, dict[str, _Holder]] = {}
        #: By subject, the event that made the account, and whether it may sign in.
        self._accounts: dict[str, tuple[int, bool]] = {}

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        match entry.event:
            case SubjectAuthenticated(subject=subject) | SessionStarted(subject=subject):
                self._signed_in(subject, entry.recorded_at)
            case SessionReauthenticated():
                self._signed_in(entry.metadata.subject, entry.recorded_at)
            case RoleGranted() | RoleTaken():
                self._role(entry, entry.event, in_period=in_period)
            case _:
                self._account(entry, in_period=in_period)

    def figures(self) -> list[Figure]:
        """Who can do what, and how often that changed."""
        of, holders = self._trails.of, list(self._each_holder())
        unable = [kept.since for subject, _, kept in holders if not self._can_sign_in(subject)]
        idle = [kept.since for subject, _, kept in holders if self._can_sign_in(subject) and not kept.last_at]
        return [
            of("access_review.holders").add_all(kept.since for _, _, kept in holders).figure(
                "Roles that people have",
                "How many times a role of this server belongs to somebody at the end of the period. A role opens pages "
                "of this server itself: an auditor may read the log.", unit="roles",
            ),
            of("access_review.holders_unable").add_all(unable).figure(
                "Roles of accounts that cannot sign in",
                "Roles that belong to an account that is disabled or erased at the end of the period.", unit="roles",
            ),
            of("access_review.holders_idle").add_all(idle).figure(
                "Roles that were not used",
                "Roles whose holder may sign in and has not done so since getting the role.", unit="roles",
            ),
            of("access_review.roles_given").figure(
                "Roles given", "How often a role was given to somebody during the period.", unit="roles",
            ),
            of("access_review.roles_taken").figure(
                "Roles taken", "How often a role was taken from somebody during the period.", unit="roles",
            ),
            of("access_review.accounts").add_all(by for by, able in self._accounts.values() if able).figure(
                "Accounts that may sign in", "Accounts of people at the end of the period that are not disabled.",
                unit="accounts",
            ),
            *(
                of(f"access_review.accounts_{word}").figure(
                    f"Accounts {word}", f"How often an account was {word} during the period.", unit="accounts"
                )
                for word in _HAPPENED.values()
            ),
        ]  # fmt: skip

    def table(self) -> Table:
        """Who has which role."""
        rows = tuple(
            (
                clean(role), subject, time_text(kept.since_at),
                time_text(kept.last_at) if kept.last_at else "not since then",
                "may sign in" if self._can_sign_in(subject) else "disabled or erased",
            )
            for subject, role, kept in sorted(self._each_holder(), key=lambda one: (one[1], one[0]))
        )  # fmt: skip
        columns = ("Role", "Person", "Since (UTC)", "Last sign-in (UTC)", "Account")
        left_out = max(len(rows) - _MOST, 0)
        return Table("access_review.roles", "Who has a role of this server", columns, rows[:_MOST], left_out)

    def _signed_in(self, subject: str, at: int) -> None:
        for kept in self._holders.get(subject, {}).values():
            kept.last_at = at

    def _role(self, entry: LogEntry, event: RoleGranted | RoleTaken, *, in_period: bool) -> None:
        roles = self._holders.setdefault(event.subject, {})
        if isinstance(event, RoleGranted):
            roles[event.role] = _Holder(entry.position, entry.recorded_at)
            figure_id, text = "access_review.roles_given", f"has the role {clean(event.role)}"
        else:
            roles.pop(event.role, None)
            figure_id, text = "access_review.roles_taken", f"has the role {clean(event.role)} no more"
        self._changes.note(entry, figure_id, (event.subject, text), in_period=in_period)

    def _account(self, entry: LogEntry, *, in_period: bool) -> None:
        subject, happened = entry.stream.id, _HAPPENED[type(entry.event)]
        made_by, _ = self._accounts.get(subject, (entry.position, True))
        match entry.event:
            case PersonErased():
                self._accounts.pop(subject, None)
            case AccountCreated():
                self._accounts[subject] = entry.position, True
            case other:
                self._accounts[subject] = made_by, isinstance(other, AccountEnabled)
        self._changes.note(entry, f"access_review.accounts_{happened}", None, in_period=in_period)

    def _can_sign_in(self, subject: str) -> bool:
        return self._accounts.get(subject, (0, False))[1]

    def _each_holder(self) -> Iterator[tuple[str, str, _Holder]]:
        for subject, roles in self._holders.items():
            for role, kept in roles.items():
                yield subject, role, kept
