"""A quarter in the life of a server, made by driving the domain: people who sign in and fail to, clients with tokens,
revocations, incidents, an erasure and a hold. The same size gives the same log, byte by byte.

Every event that a decision makes is made by that decision. Times are simulated, so the log is written to its SQLite
file directly, with the writer of the store, and no table beside the log is.
"""

import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from authrim.core.origin import Origin
from authrim.store.codec import encode
from authrim.store.contract import Append, AppendResult, StreamAppend
from authrim.store.sqlite.clock import Clock
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.writes import commit_batch
from bench.quarter_office import Office
from bench.quarter_visits import ClientSide, Visits
from domain.client.client import NO_CLIENT
from domain.client.client import fold as fold_client
from domain.client.events import (
    ClientDisabled,
    ClientEnabled,
    ClientRegistered,
    ClientSecretSet,
    ClientUpdated,
)
from domain.decision import Decision
from domain.event import Event
from domain.grant import revocation
from domain.incident import IncidentClosed, IncidentEnded, IncidentOpened, reason_of
from domain.key.events import KeyCreated, KeyPromoted, KeyRevoked
from domain.log_events import CheckpointKeyCreated, CheckpointSigned, RollbackAccepted
from domain.monitor_events import RuleBreakAcknowledged, RuleBroken
from domain.person import account as accounts
from domain.person import erasure
from domain.person.role_events import RoleGranted, RoleTaken
from domain.question_events import QuestionAsked
from domain.refusal_events import RefusalsCounted, RequestRefused
from domain.setting.events import SettingsChanged
from domain.stream import (
    DEFAULT_TENANT as TENANT,
)  # fmt: skip
from domain.stream import (
    account_stream,
    checkpoint_key_stream,
    checkpoint_stream,
    client_stream,
    grant_stream,
    incident_stream,
    key_stream,
    question_stream,
    refusal_stream,
    role_stream,
    rollback_stream,
    setting_stream,
)
from domain.units import DAY, HOUR, MICROSECONDS

#: 1 July 2025.
BEGIN: Final = 1_751_328_000
DAYS: Final = 92
_METHODS: Final = ("client_secret_basic", "private_key_jwt", "tls_client_auth")


class Size(msgspec.Struct, frozen=True):
    """How large the quarter is. The accounts and clients are from before it."""

    accounts: int = 10_000
    clients: int = 50
    events: int = 1_000_000
    rounds: int = 1104


class Pen:
    """Writes to the log of a new SQLite file at simulated times."""

    def __init__(self, path: Path) -> None:
        migrate_sqlite(path)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = OFF")
        self._clock = _SimulatedClock()
        self._versions: dict[str, int] = {}
        self._waiting: list[Append] = []
        self.events = 0

    def write(
        self,
        stream: str,
        events: Iterable[Event],
        actor: str = "client",
        *,
        ends: bool = False,
        operator: str = "uid 0",
    ) -> int:
        """Note events of a stream, which are written with the next batch; the position of the first. ``ends``: there
        are no more of this stream. ``operator``: who ran the command, where it was one."""
        new = tuple(encode(event) for event in events)
        first = self.events + 1
        if new:
            version = self._versions.get(stream, 0)
            origin = Origin(TENANT, trace=f"{first:032x}", address="a" * 43, actor=actor, operator=operator)
            self._waiting.append(Append((StreamAppend(stream, version, new),), origin.metadata()))
            self._versions[stream] = version + len(new)
            self.events += len(new)
        if ends:
            self._versions.pop(stream, None)
        return first

    def commit(self, at: int) -> None:
        """Write the batch, at a time in seconds."""
        if self._waiting:
            self._clock.micros = at * MICROSECONDS + self.events % 977
            results = commit_batch(self._connection, self._waiting, self._clock)
            assert all(isinstance(result, AppendResult) for result in results)
            self._waiting.clear()

    def close(self) -> None:
        """Close the file."""
        with closing(self._connection):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class _SimulatedClock(Clock):
    def __init__(self) -> None:
        super().__init__()
        self.micros = 0

    def now(self) -> int:
        return self.micros


class Quarter:
    """Writes the log of a quarter."""

    def __init__(self, path: Path, size: Size) -> None:
        self.pen = Pen(path)
        self._size = size
        self._chance = random.Random(7)
        self._clients = [_client(number) for number in range(size.clients)]
        self._people = [f"p{number:031x}" for number in range(size.accounts)]
        self._accounts: dict[str, accounts.Account] = dict.fromkeys(self._people, accounts.NO_ACCOUNT)
        self.visits = Visits(self.pen.write, self._chance, self._accounts)
        self._office = Office(self.pen.write, self._accounts, self._people[-9:])

    def write(self) -> None:
        """Write all of it."""
        self._before()
        first = self.pen.events
        for number in range(self._size.rounds):
            begin = BEGIN + number * DAYS * DAY // self._size.rounds
            wanted = first + (self._size.events - first) * (number + 1) // self._size.rounds
            self._special(number, begin)
            while self.pen.events < wanted:
                self._round(begin)
                begin += 60
        self.pen.commit(BEGIN + DAYS * DAY - 1)
        self.pen.close()

    def _before(self) -> None:
        """What was there before the quarter: clients, people, keys, settings, an incident that is over."""
        at = BEGIN - 30 * DAY
        for side in self._clients:
            self.pen.write(client_stream(TENANT, side.client.client_id), side.events, "admin")
        for person in self._people:
            self._decided(person, accounts.decide_create(self._accounts[person], person, at), "admin")
            self._decided(person, accounts.decide_set_password(self._accounts[person], at), "admin")
        self.pen.write(key_stream(TENANT, "old"), (KeyCreated("old", "RS256", {}, at, at),), "system")
        self.pen.write(
            setting_stream(TENANT),
            (SettingsChanged("d", {"issuer": "https://a.example", "master_keys": ["m1", "m2"]}, at),),
            "system",
        )
        self.pen.write(checkpoint_key_stream(TENANT), (CheckpointKeyCreated("k", at),), "system")
        self.pen.write(incident_stream(TENANT, "before"), _opened(at), "admin")
        self.pen.write(incident_stream(TENANT, "before"), (IncidentClosed({}, at),), "admin")
        self._office.before(at)
        self.pen.commit(at)
        for person in self._people[:: max(len(self._people) // 40, 1)]:
            decided = accounts.decide_remember_consent(
                self._accounts[person], "client-1", ("openid",), at + 9
            )
            self._decided(person, decided, "subject")
        self.pen.write(incident_stream(TENANT, "early"), _opened(at + DAY), "admin")
        self.pen.commit(at + DAY)

    def _round(self, now: int) -> None:
        """What happens within a minute: 48 visits, services, refreshes and ends; in five batches."""
        chosen = [(self._chance.choice(self._people), self._chance.choice(self._clients)) for _ in range(48)]
        visiting = [self.visits.request(person, side, now) for person, side in chosen]
        self.pen.commit(now)
        visiting = [one for visit in visiting if (one := self.visits.sign_in(visit, now + 20)) is not None]
        self.pen.commit(now + 20)
        for visit in visiting:
            self.visits.redeem(visit, now + 22)
        for side in self._clients[::10]:
            self.visits.service(side, now + 22)
        self.pen.commit(now + 22)
        self.visits.later(now + 40)
        self._refusals(now + 40)
        self.pen.commit(now + 40)
        self.visits.notices(now + 45)
        self.pen.commit(now + 45)

    def _refusals(self, now: int) -> None:
        if self._chance.random() < 0.3:
            name = f"refused-{self.pen.events}"
            error, reason = self._chance.choice(
                (("invalid_client", "secret_wrong"), ("invalid_client", "client_unknown"),
                 ("invalid_grant", "code_unknown"))
            )  # fmt: skip
            refused = RequestRefused(name, "token", error, "No.", 401, now, reason=reason)
            self.pen.write(refusal_stream(TENANT, name), (refused,), ends=True)

    def _special(self, number: int, now: int) -> None:
        """What happens once in so many rounds, and what happens on one day."""
        pen, of, clients = self.pen, f"{number}", self._clients
        share = number / self._size.rounds
        if number % 12 == 0:
            witnesses = ("north", "south")[: number // 12 % 3]
            signed = CheckpointSigned(pen.events, "note", now, witnesses)
            pen.write(checkpoint_stream(TENANT, pen.events), (signed,), "system", ends=True)
        if number % 30 == 7:
            pen.write(
                refusal_stream(TENANT, of),
                (RefusalsCounted("token", "invalid_client", 50 + number, 1),),
                ends=True,
            )
            pen.write(question_stream(TENANT, of), (QuestionAsked("search", now),), "admin", ends=True)
        if number % 40 == 3:
            person = self._chance.choice(self._people)
            decided = accounts.decide_withdraw_consent(self._accounts[person], "client-1", now)
            self._decided(person, decided, "subject")
            ended = accounts.decide_end_grants(self._accounts[person], None, "asked for it by phone", now)
            self._decided(person, ended, "admin")
        if number % 90 == 11:
            stream = client_stream(TENANT, clients[1].client.client_id)
            pen.write(stream, (ClientDisabled("maintenance", now),), "admin")
            pen.write(stream, (ClientEnabled(now), ClientSecretSet("hash", now)), "admin")
            pen.write(
                client_stream(TENANT, "client-2"),
                (ClientUpdated(clients[2].events[0].metadata, now),),
                "admin",
            )
        day = int(share * 20)
        if int((number - 1) / self._size.rounds * 20) != day or not number:
            self._on_day(day, now)
        pen.commit(now)

    def _on_day(self, day: int, now: int) -> None:
        """The quarter has twenty days on which something is done once."""
        pen = self.pen
        self._office.on_day(day, now)
        match day:
            case 2:
                pen.write(incident_stream(TENANT, "early"), (IncidentClosed({}, now),), "admin")
                pen.write(
                    key_stream(TENANT, "new"), (KeyCreated("new", "RS256", {}, now, now + DAY),), "admin"
                )
            case 3:
                pen.write(key_stream(TENANT, "new"), (KeyPromoted(now),), "admin")
                pen.write(key_stream(TENANT, "old"), (KeyRevoked("rotated", now),), "admin")
            case 5:
                self._incident("stolen", now, closes=True)
            case 8:
                self._hold_and_erase(now)
            case 10:
                pen.write(
                    role_stream(TENANT, "auditor"), (RoleGranted("auditor", self._people[0], now),), "admin"
                )
                pen.write(
                    setting_stream(TENANT), (SettingsChanged("e", {"dpop_nonce": True}, now),), "system"
                )
            case 12:
                for name in ("a", "b"):
                    broken = RuleBroken("code_redeemed_once", "grant:x", (1, 2), now)
                    pen.write(question_stream(TENANT, f"breach-{name}"), (broken,), "system")
                pen.write(
                    question_stream(TENANT, "breach-a"), (RuleBreakAcknowledged(now, "a drill"),), "admin"
                )
            case 15:
                rollback = RollbackAccepted(pen.events, pen.events + 9, "state_file", "a drill", now)
                pen.write(rollback_stream(TENANT), (rollback,), "admin")
                pen.write(
                    role_stream(TENANT, "auditor"), (RoleTaken("auditor", self._people[0], now),), "admin"
                )
            case 18:
                self._incident("still-open", now, closes=False)

    def _incident(self, name: str, now: int, *, closes: bool) -> None:
        """Grants of one client are ended because of an incident."""
        grants = self.visits.grants_of("client-3", 20)
        self.pen.write(incident_stream(TENANT, name), _opened(now, len(grants)), "admin")
        for grant_id, grant in grants:
            self.pen.write(
                grant_stream(TENANT, grant_id),
                revocation.revoke(grant, reason_of(name), now).events,
                ends=True,
            )
            self.visits.forget(grant_id)
        ids = tuple(grant_id for grant_id, _ in grants)
        left = {} if closes else {"one-more": "busy"}
        self.pen.write(incident_stream(TENANT, name), (IncidentEnded("grants", ids, now, left),), "admin")
        self.pen.commit(now)
        if closes:
            closed = IncidentClosed({"grants": len(ids)}, now + HOUR)
            self.pen.write(incident_stream(TENANT, name), (closed,), "admin")
            self.pen.commit(now + HOUR)

    def _hold_and_erase(self, now: int) -> None:
        """One person is held, so that nobody can erase them, and another one is erased."""
        held, gone = self._people[1], self._people[2]
        self._decided(
            held,
            erasure.decide_place_hold(self._accounts[held], "h1", "lawsuit", "uid 0", None, now),
            "admin",
        )
        refused = erasure.decide_erase(self._accounts[held], now)
        assert not refused.events
        remembered = accounts.decide_remember_consent(self._accounts[gone], "client-1", ("openid",), now)
        self._decided(gone, remembered, "subject")
        self._decided(gone, erasure.decide_erase(self._accounts[gone], now), "admin")

    def _decided(self, person: str, decision: Decision[accounts.Account], actor: str) -> None:
        self.pen.write(account_stream(TENANT, person), decision.events, actor)
        self._accounts[person] = accounts.fold(decision.events, self._accounts[person])


def _opened(now: int, found: int = 0) -> tuple[Event, ...]:
    return (IncidentOpened("ticket", {"client_id": "client-3"}, 1, 2, {"grants": found}, now, "uid 0"),)


def _client(number: int) -> ClientSide:
    client_id = f"client-{number}"
    metadata: dict[str, Any] = {
        "client_name": f"Client {number}",
        "redirect_uris": [f"https://{client_id}.example/cb"],
        "token_endpoint_auth_method": _METHODS[number % len(_METHODS)],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scope": ["openid", "email", "offline_access", "read"],
        "audiences": ["https://api.example.com/"],
        "access_token_format": "opaque" if number % 5 == 4 else "jwt",
    }
    events = (ClientRegistered(client_id, metadata, BEGIN - 40 * DAY),)
    return ClientSide(fold_client(events, NO_CLIENT), events)
