"""What administrators do in a simulated quarter besides their answers to an incident: keys and secrets, roles, clients,
receivers, settings, tokens for registration, holds and erasures, questions and a review; and what receivers do."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from domain.client.events import (
    ClientDeleted,
    ClientDisabled,
    ClientRegistered,
    ClientSecretSet,
    ClientUpdated,
)
from domain.decision import Decision
from domain.event import Event
from domain.person import account as accounts
from domain.person import erasure
from domain.person.erasure import AT_ONCE, Erasing, ErasurePolicy
from domain.person.role_events import RoleGranted
from domain.question_events import QuestionAsked
from domain.registration.initial_access_token_events import (
    InitialAccessTokenIssued,
    InitialAccessTokenRevoked,
    InitialAccessTokenUsed,
)
from domain.review_events import AccessReviewed
from domain.setting.events import MasterKeyGivenUp, SettingsChanged
from domain.signal import events as signal
from domain.stream import DEFAULT_TENANT as TENANT
from domain.stream import (
    account_stream,
    client_stream,
    delivered_stream,
    question_stream,
    registration_stream,
    role_stream,
    setting_stream,
    signal_stream,
    webhook_stream,
)
from domain.units import DAY
from domain.webhook.events import WebhookCreated, WebhookDeleted

_FIRST: Final = "uid 1000"
_SECOND: Final = "uid 1001"
_LATER: Final = ErasurePolicy(delay_seconds=9 * DAY, two_persons=True)


class Office:
    """The administrators. ``write`` notes events for the next batch, by an operator; ``people`` are the newest."""

    def __init__(
        self, write: Callable[..., int], known: dict[str, accounts.Account], people: Sequence[str]
    ) -> None:
        self._write = write
        self._accounts = known
        self._people = people

    def before(self, at: int) -> None:
        """Secrets of clients, an old hold, and clients that nobody will use."""
        for name, set_at, expires_at in (
            ("client-0", at - 400 * DAY, 0), ("client-3", at, at + 365 * DAY), ("client-6", at, at + 60 * DAY),
        ):  # fmt: skip
            self._of_client(name, ClientSecretSet("hash", set_at, expires_at))
        self._of_client("forgotten", _registered("forgotten", at, may_introspect=True, source="registration"))
        for name in ("idle", "leaver"):
            self._of_client(name, _registered(name, at))
        self._hold(self._people[0], "old", None, at - 400 * DAY)
        self._hold(self._people[1], "ends", at + 40 * DAY, at)

    def on_day(self, day: int, now: int) -> None:
        """What is done on one of twenty days."""
        people = self._people
        self._registration(day, now)
        self._signals(day, now)
        match day:
            case 1:
                public = _registered("public", now, token_endpoint_auth_method="none", skip_consent=True)
                self._of_client("public", public)
                self._of_client("brief", _registered("brief", now))
                self._of_client("brief", ClientDeleted(now))
                self._receivers(now)
                self._ask(now, QuestionAsked("person", now, {}, people[0], "ticket 7", _FIRST, exported=True))
                for person in people[2:6]:
                    self._erase(person, now, _FIRST, _LATER)
            case 4:
                self._role(people[6], now)
                self._role(people[7], now)
                self._ask(now, AccessReviewed(2000, now, "ticket 8", "d" * 64, _FIRST))
                self._hold(people[2], "claim", None, now)
                held = self._accounts[people[3]]
                self._decided(
                    people[3], erasure.decide_withdraw_erasure(held, "asked again", _FIRST, now), _FIRST
                )
                self._erase(people[4], now, _SECOND, _LATER)
            case 9:
                self._erase(people[4], now, _SECOND, _LATER)
                held = self._accounts[people[0]]
                released = erasure.decide_release_hold(held, "old", "case 7 is closed", _SECOND, now)
                self._decided(people[0], released, _SECOND)
            case 14:
                changed = _registered(
                    "public",
                    now,
                    token_endpoint_auth_method="none",
                    skip_consent=True,
                    scope=["audit:events"],
                )
                self._of_client("public", ClientUpdated(changed.metadata, now))
                self._of_client("leaver", ClientDisabled("nobody needs it", now))
                self._write(webhook_stream(TENANT), (WebhookDeleted("hook-1", now),), "admin", operator="")
            case 19:
                self._role(people[5], now)
                gone = accounts.decide_disable(self._accounts[people[7]], "", now)
                self._decided(people[7], gone, _FIRST)
                back = accounts.decide_disable(self._accounts[people[8]], "mistake", now)
                self._decided(people[8], back, _FIRST)
                self._decided(people[8], accounts.decide_enable(self._accounts[people[8]], now), _SECOND)

    def _receivers(self, now: int) -> None:
        for name in ("hook-1", "hook-2"):
            made = WebhookCreated(name, "siem.example.com", ("grant.*",), "hmac", now, None, _FIRST)
            self._write(webhook_stream(TENANT), (made,), "admin", operator=_FIRST)

    def _registration(self, day: int, now: int) -> None:
        """Who may register clients, and what is demanded of them, is more and then less."""
        match day:
            case 2:
                for name, uses, life in (
                    ("left", 3, 200),
                    ("spent", 1, 200),
                    ("revoked", 9, 200),
                    ("over", 9, 5),
                ):
                    issued = InitialAccessTokenIssued(name, "digest", uses, now, now + life * DAY)
                    self._of_token(name, issued)
                self._setting({"registration": "initial_access_token", "code_lifetime": 60}, now)
            case 6:
                for name in ("left", "spent"):
                    self._of_token(name, InitialAccessTokenUsed("forgotten", now), "client")
                self._of_token("revoked", InitialAccessTokenRevoked(now))
                less = _registered("idle", now, token_endpoint_auth_method="none", access_token_lifetime=600)
                self._of_client("idle", ClientUpdated(less.metadata, now))
                given_up = MasterKeyGivenUp("m2", now)
                self._write(setting_stream(TENANT), (given_up,), "admin", operator=_FIRST)
            case 11:
                self._setting({"registration": "open", "code_lifetime": 50}, now)
                more = _registered("idle", now, access_token_lifetime=300, skip_consent=True)
                self._of_client("idle", ClientUpdated(more.metadata, now))
            case 13:
                self._setting({"registration": "initial_access_token", "code_lifetime": 55}, now)

    def _signals(self, day: int, now: int) -> None:
        """Two clients are told of signals, and one of them until it gives that up."""
        match day:
            case 1:
                for name in ("client-0", "client-1"):
                    made = signal.SignalStreamCreated(name, f"{name}-stream", "poll", 0, now)
                    self._of_receiver(name, made, signal.SignalVerificationRequested("check", now))
            case 5:
                self._of_receiver(
                    "client-0", signal.SignalStreamChanged("poll", now, "", ("session-revoked",))
                )
                self._of_receiver("client-1", signal.SignalSubjectRemoved("hash", now))
                self._got("client-1", signal.SignalsDelivered(900, now, 12))
            case 9:
                self._of_receiver("client-1", signal.SignalSubjectAdded("hash", now))
                self._got("client-1", signal.SignalsDelivered(1200, now, 3, refused={"1180": "jwtAud"}))
            case 16:
                self._of_receiver("client-0", signal.SignalStreamStatusSet("paused", now))
                self._of_receiver("client-1", signal.SignalStreamDeleted(now))

    def _of_token(self, name: str, event: Event, actor: str = "admin") -> None:
        self._write(registration_stream(TENANT, name), (event,), actor, operator=_FIRST)

    def _setting(self, changed: dict[str, Any], now: int) -> None:
        self._write(setting_stream(TENANT), (SettingsChanged("digest", changed, now),), "system")

    def _of_receiver(self, name: str, *events: Event) -> None:
        self._write(signal_stream(TENANT, name), events)

    def _got(self, name: str, event: Event) -> None:
        self._write(delivered_stream(TENANT, name), (event,), "system")

    def _ask(self, now: int, event: Event) -> None:
        name = f"{type(event).__name__}-{now}"
        self._write(question_stream(TENANT, name), (event,), "admin", operator=_FIRST, ends=True)

    def _role(self, person: str, now: int) -> None:
        given = RoleGranted("auditor", person, now)
        self._write(role_stream(TENANT, "auditor"), (given,), "admin", operator=_FIRST)

    def _of_client(self, client_id: str, event: Event) -> None:
        self._write(client_stream(TENANT, client_id), (event,), "admin", operator=_FIRST)

    def _hold(self, person: str, name: str, until: int | None, now: int) -> None:
        account = self._accounts[person]
        held = erasure.decide_place_hold(account, name, "a dispute", _FIRST, until, now)
        self._decided(person, held, _FIRST)

    def _erase(self, person: str, now: int, operator: str, policy: ErasurePolicy = AT_ONCE) -> None:
        erasing = Erasing(operator, "asked by letter", (f"{person}-key",))
        self._decided(
            person, erasure.decide_ask_to_erase(self._accounts[person], now, erasing, policy), operator
        )

    def _decided(self, person: str, decision: Decision[accounts.Account], operator: str) -> None:
        self._write(account_stream(TENANT, person), decision.events, "admin", operator=operator)
        self._accounts[person] = accounts.fold(decision.events, self._accounts[person])


def _registered(client_id: str, now: int, *, source: str = "admin", **metadata: Any) -> ClientRegistered:
    whole = {"client_name": client_id, "redirect_uris": [f"https://{client_id}.example/cb"], **metadata}
    return ClientRegistered(client_id, whole, now, source)
