"""The age of client secrets and passwords at the end of the period, and how many were changed in it."""

from typing import Final

import msgspec

from domain.client import client as clients
from domain.client.client import NO_CLIENT, Client
from domain.client.events import (
    ClientDeleted,
    ClientDisabled,
    ClientEnabled,
    ClientRegistered,
    ClientSecretSet,
    ClientUpdated,
)
from domain.client.metadata import ClientMetadata
from domain.liveness import ACTIVE
from domain.log_entry import LogEntry
from domain.person.account_events import AccountDisabled, AccountEnabled, PasswordSet, PersonErased
from domain.report.exceptions import Rule
from domain.report.model import Figure, Table, Value
from domain.report.section import tags
from domain.report.trails import Trails
from domain.report.wording import clean, seconds_text, whole_days
from domain.units import DAY

#: After which a secret of a client should have been rotated; the specifications name no number.
ROTATION_DAYS: Final = 365
#: PCI DSS 8.3.9 asks for this where a password is the only factor; NIST SP 800-63B advises against it.
PASSWORD_DAYS: Final = 90
CANNOT_SHOW: Final = (
    "The age of keys that clients authenticate with instead of a secret, and of their certificates: see their owners.",
    "How strong a password is, and whether it is used elsewhere. The rules for new ones are settings of the server.",
    "Where a client keeps its secret.",
)
RULES: Final = (
    Rule(
        "secret_age.secrets_without_expiry", "note",
        "Client secrets that never expire: {value}. They stay valid until somebody rotates them.",
    ),
    Rule(
        "secret_age.secrets_old", "warning",
        f"Client secrets that are valid and older than {ROTATION_DAYS} days: {{value}}. Rotate them.",
    ),
    Rule(
        "secret_age.clients_without_valid_secret", "note",
        "Clients that authenticate with a secret and have none that is valid: {value}. They cannot act.",
    ),
)  # fmt: skip
_MOST: Final = 300


class _Kept(msgspec.Struct, gc=False):
    """A client with what is needed of its secret: when the newest was set, and by which event."""

    client: Client = NO_CLIENT
    set_at: int = 0
    set_by: int = 0


class _Password(msgspec.Struct, gc=False):
    set_at: int
    set_by: int
    active: bool = True


class SecretAges:
    """The secrets of clients and the passwords of people while the log is read."""

    wants = tags(
        ClientRegistered, ClientUpdated, ClientSecretSet, ClientDisabled, ClientEnabled, ClientDeleted, PasswordSet,
        AccountDisabled, AccountEnabled, PersonErased,
    )  # fmt: skip

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._clients: dict[str, _Kept] = {}
        self._passwords: dict[str, _Password] = {}

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        match entry.event:
            case PasswordSet() | AccountDisabled() | AccountEnabled() | PersonErased():
                self._of_account(entry, in_period=in_period)
            case _:
                self._of_client(entry, in_period=in_period)

    def figures(self, now: int) -> list[Figure]:
        """The ages at the end of the period (s)."""
        return [*self._secret_figures(now), *self._password_figures(now)]

    def _of_client(self, entry: LogEntry, *, in_period: bool) -> None:
        client_id, event = entry.stream.id, entry.event
        if isinstance(event, ClientDeleted):
            self._clients.pop(client_id, None)
            return
        kept = self._clients.setdefault(client_id, _Kept())
        client = clients.apply(kept.client, event)
        method = client.metadata.token_endpoint_auth_method
        kept.client = msgspec.structs.replace(
            client, metadata=ClientMetadata(token_endpoint_auth_method=method)
        )
        if isinstance(event, ClientSecretSet):
            kept.set_at, kept.set_by = event.set_at, entry.position
            if in_period:
                self._trails.of("secret_age.secrets_set").add(entry.position)

    def _of_account(self, entry: LogEntry, *, in_period: bool) -> None:
        subject = entry.stream.id
        match entry.event:
            case PasswordSet(set_at=set_at):
                before = self._passwords.get(subject)
                active = before is None or before.active
                self._passwords[subject] = _Password(set_at, entry.position, active)
                if in_period:
                    self._trails.of("secret_age.passwords_set").add(entry.position)
            case PersonErased():
                self._passwords.pop(subject, None)
            case other if subject in self._passwords:
                self._passwords[subject].active = isinstance(other, AccountEnabled)

    def _secret_figures(self, now: int) -> list[Figure]:
        of = self._trails.of
        active = [
            one for one in self._clients.values() if one.client.status == ACTIVE and one.client.uses_secret
        ]
        valid = [one for one in active if one.client.live_secrets(now)]
        oldest = max((whole_days(now - one.set_at) for one in valid), default=0)
        return [
            of("secret_age.secrets").add_all(one.set_by for one in valid).figure(
                "Clients with a valid secret",
                "Active clients that authenticate with a secret, and have one that is accepted at the end of the "
                "period.", unit="clients",
            ),
            of("secret_age.oldest_secret").add_all(
                one.set_by for one in valid if whole_days(now - one.set_at) == oldest
            ).figure(
                "Age of the oldest client secret",
                "For how many days the oldest of these secrets has been valid. A secret that is being replaced is not "
                "counted.", oldest, "days",
            ),
            of("secret_age.secrets_old").add_all(
                one.set_by for one in valid if now - one.set_at > ROTATION_DAYS * DAY
            ).figure(
                f"Client secrets older than {ROTATION_DAYS} days", "Valid secrets that should have been rotated.",
                unit="secrets",
            ),
            of("secret_age.secrets_without_expiry").add_all(
                one.set_by for one in valid if one.client.secrets[0].expires_at == 0
            ).figure(
                "Client secrets that never expire", "Valid secrets without an end: only a rotation ends them.",
                unit="secrets",
            ),
            of("secret_age.clients_without_valid_secret").add_all(
                one.set_by for one in active if one.set_by and not one.client.live_secrets(now)
            ).figure(
                "Clients whose secret has expired",
                "Active clients that authenticate with a secret and have none that is accepted any more.",
                unit="clients",
            ),
            of("secret_age.secrets_set").figure(
                "Client secrets set", "Secrets that clients were given during the period: first ones and new ones.",
                unit="secrets",
            ),
        ]  # fmt: skip

    def _password_figures(self, now: int) -> list[Figure]:
        of = self._trails.of
        passwords = [one for one in self._passwords.values() if one.active]
        return [
            of("secret_age.passwords").add_all(one.set_by for one in passwords).figure(
                "Accounts with a password", "Accounts at the end of the period that may sign in with a password.",
                unit="accounts",
            ),
            of("secret_age.passwords_old").add_all(
                one.set_by for one in passwords if now - one.set_at > PASSWORD_DAYS * DAY
            ).figure(
                f"Passwords older than {PASSWORD_DAYS} days",
                "Those of them whose password was last changed longer ago. PCI DSS 8.3.9 asks about this where a "
                "password is the only factor; NIST SP 800-63B advises against changing passwords by the calendar.",
                unit="accounts",
            ),
            of("secret_age.passwords_set").figure(
                "Passwords set", "How often a password was set or changed during the period.", unit="passwords",
            ),
        ]  # fmt: skip

    def table(self, now: int) -> Table:
        rows: list[tuple[Value, ...]] = []
        for client_id, one in self._clients.items():
            if one.client.status == ACTIVE and one.client.uses_secret and one.set_by:
                expires_at = one.client.secrets[0].expires_at if one.client.secrets else 0
                valid = one.client.live_secrets(now)
                rows.append(
                    (
                        clean(client_id), seconds_text(one.set_at), whole_days(now - one.set_at),
                        seconds_text(expires_at) if expires_at else "never", len(valid),
                    )
                )  # fmt: skip
        rows.sort(key=lambda row: (-int(row[2]), str(row[0])))
        columns = ("Client", "Secret set (UTC)", "Age in days", "Expires (UTC)", "Valid secrets")
        return Table(
            "secret_age.client_secrets", "Secrets of clients, the oldest first", columns, tuple(rows[:_MOST]),
            max(len(rows) - _MOST, 0),
        )  # fmt: skip
