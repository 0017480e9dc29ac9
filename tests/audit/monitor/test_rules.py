"""Each rule, given events that keep it and events that break it."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from domain.client.events import ClientDeleted, ClientDisabled, ClientEnabled, ClientRegistered, ClientUpdated
from domain.event import Event
from domain.grant.events import (
    AccessTokenIssued,
    AuthorizationAnswered,
    AuthorizationRefused,
    AuthorizationRequested,
    ClientCredentialsGranted,
    CodeIssued,
    CodeRedeemed,
    CodeVoided,
    ConsentGranted,
    GrantRevoked,
    IdTokenIssued,
    RefreshTokenIssued,
    RefreshTokenRepeated,
    RefreshTokenRotated,
    RefreshTokenUsed,
    SubjectAuthenticated,
)
from domain.person.account_events import (
    AccountCreated,
    AccountDisabled,
    AccountEnabled,
    ConsentWithdrawn,
    GrantsEnded,
    PasswordSet,
    PersonErased,
)
from domain.person.session_events import SessionEnded, SessionStarted
from domain.resource.events import ResourceCreated, ResourceRetired
from projections.monitor import reading, rules
from projections.monitor.grants import _TABLE as GRANT_TABLE
from projections.monitor.surroundings import _TABLE as TABLE
from tests.audit.monitor.memory_monitor import MemoryMonitor, write
from tests.audit.past.memory_log import MemoryLog
from tests.domain.grant_samples import ISSUER, NOW

API, FILES = "https://api.example/", "https://files.example/"
GRANT, CLIENT = "default:grant:one", "default:client:shop"
ACCOUNT, SESSION, RESOURCE = "default:account:ada", "default:session:sid", f"default:resource:{FILES}"
SCOPE = ("openid", "email")
OFFLINE = ("openid", "email", "offline_access")


def requested(**changes: Any) -> AuthorizationRequested:
    asked = AuthorizationRequested(
        "shop", "https://shop.example/cb", "code", "query", OFFLINE, NOW, NOW + 600
    )
    return msgspec.structs.replace(asked, **changes)


def access(**changes: Any) -> AccessTokenIssued:
    token = AccessTokenIssued("t", "jwt", "shop", SCOPE, (ISSUER,), NOW, NOW + 600, "ada")
    return msgspec.structs.replace(token, **changes)


AUTHENTICATED = SubjectAuthenticated("ada", "sid", NOW, "acr", ("pwd",))
CODE = CodeIssued("code-hash", NOW, NOW + 60)
REDEEMED = CodeRedeemed("client_secret_basic", NOW + 5)
IDENTITY = IdTokenIssued("kid", NOW, NOW + 60)
FIRST = RefreshTokenIssued(1, "r1", "hmac", NOW, NOW + 900)
REVOKED = GrantRevoked("test", NOW)


def rotated(generation: int, at: int = NOW + 10, grace: int = 10) -> RefreshTokenRotated:
    return RefreshTokenRotated(generation, f"r{generation}", "hmac", at, at + 900, at + grace)


REFRESHED = (rotated(2), access(token_id="t2"), IDENTITY)


@dataclass
class Case:
    """What is written, each stream's events as one append, and the rule that is broken by it ("" for none)."""

    rule: str
    writes: list[tuple[str, tuple[Event, ...]]] = field(default_factory=list)


def grant(*events: Event) -> tuple[str, tuple[Event, ...]]:
    return GRANT, events


def to_consent(scope: tuple[str, ...] = OFFLINE, **asked: Any) -> tuple[str, tuple[Event, ...]]:
    return grant(requested(**asked), AUTHENTICATED, ConsentGranted(scope), CODE)


def in_browser(response_type: str) -> tuple[Event, ...]:
    return requested(response_type=response_type), AUTHENTICATED, ConsentGranted(SCOPE)


REDEMPTION = grant(REDEEMED, access(), IDENTITY, FIRST)
DISABLED = (CLIENT, (ClientDisabled("test", NOW),))
CHANGED = ClientUpdated({"audiences": [API]}, NOW, consents_void=True)
RENAMED = msgspec.structs.replace(CHANGED, subjects_changed=True)
SERVICE = ClientCredentialsGranted("shop", ("read",), (API,), "client_secret_basic", NOW)
OF_SERVICE = access(scope=("read",), audience=(API,), subject=None)

CASES: dict[str, Case] = {
    "the whole flow": Case("", [to_consent(), REDEMPTION, grant(*REFRESHED), grant(REVOKED)]),
    "twice redeemed": Case(rules.ONE_REDEMPTION, [to_consent(), REDEMPTION, grant(REDEEMED)]),
    "redeemed without a code": Case(rules.LIVE_CODE, [grant(*to_consent()[1][:3]), grant(REDEEMED)]),
    "redeemed too late": Case(rules.LIVE_CODE, [to_consent(), grant(CodeRedeemed("none", NOW + 60))]),
    "a void code": Case(rules.LIVE_CODE, [to_consent(), grant(CodeVoided("test", NOW)), grant(REDEEMED)]),
    "a skipped generation": Case(rules.ONE_REFRESH_LINE, [to_consent(), REDEMPTION, grant(rotated(3))]),
    "a fork": Case(rules.ONE_REFRESH_LINE, [to_consent(), REDEMPTION, grant(rotated(2)), grant(rotated(2))]),
    "a second first one": Case(
        rules.ONE_REFRESH_LINE,
        [to_consent(), grant(REDEEMED, access(), msgspec.structs.replace(FIRST, generation=2))],
    ),
    "refreshed too late": Case(
        rules.ONE_REFRESH_LINE, [to_consent(), REDEMPTION, grant(rotated(2, NOW + 900))]
    ),
    "an old one used": Case(
        rules.ONE_REFRESH_LINE,
        [to_consent(), REDEMPTION, grant(*REFRESHED), grant(RefreshTokenUsed(1, NOW + 11))],
    ),
    "kept and used": Case("", [to_consent(), REDEMPTION, grant(RefreshTokenUsed(1, NOW + 11), access())]),
    "repeated in the grace": Case(
        "", [to_consent(), REDEMPTION, grant(*REFRESHED), grant(RefreshTokenRepeated(2, NOW + 19), access())]
    ),
    "repeated after the grace": Case(
        rules.ONE_REFRESH_LINE,
        [to_consent(), REDEMPTION, grant(*REFRESHED), grant(RefreshTokenRepeated(2, NOW + 20))],
    ),
    "agreed to more": Case(rules.SCOPE_WITHIN_GRANT, [to_consent((*OFFLINE, "phone"))]),
    "a wider token": Case(
        rules.SCOPE_WITHIN_GRANT, [to_consent(), grant(REDEEMED, access(scope=("openid", "phone")))]
    ),
    "another audience": Case(
        rules.AUDIENCE_WITHIN_GRANT,
        [to_consent(), grant(REDEEMED, access(audience=("https://evil.example/",)))],
    ),
    "the client's audience": Case("", [to_consent(), grant(REDEEMED, access(audience=(API, ISSUER)))]),
    "not of the grant": Case(
        rules.AUDIENCE_WITHIN_GRANT,
        [to_consent(resource=("https://other.example/",)), grant(REDEEMED, access(audience=(API,)))],
    ),
    "one of the grant": Case(
        "",
        [
            to_consent(resource=("https://other.example/",)),
            grant(REDEEMED, access(audience=("https://other.example/", ISSUER))),
        ],
    ),
    "an open resource server": Case(
        "",
        [
            (RESOURCE, (ResourceCreated(FILES, {"any_client": True}, NOW),)),
            to_consent(),
            grant(REDEEMED, access(audience=(FILES,))),
        ],
    ),
    "a retired resource server": Case(
        rules.AUDIENCE_WITHIN_GRANT,
        [
            (RESOURCE, (ResourceCreated(FILES, {"any_client": True}, NOW), ResourceRetired("test", NOW))),
            to_consent(),
            grant(REDEEMED, access(audience=(FILES,))),
        ],
    ),
    "another person": Case(
        rules.SAME_CLIENT_AND_PERSON, [to_consent(), grant(REDEEMED, access(subject="bob"))]
    ),
    "another client": Case(
        rules.SAME_CLIENT_AND_PERSON, [to_consent(), grant(REDEEMED, access(client_id="other"))]
    ),
    "a token from nowhere": Case(rules.LIVE_GRANT, [to_consent(), grant(access())]),
    "two of one redemption": Case(rules.LIVE_GRANT, [to_consent(), grant(REDEEMED, access(), access())]),
    "later than its redemption": Case(
        rules.LIVE_GRANT, [to_consent(), grant(REDEEMED, access()), DISABLED, grant(IDENTITY)]
    ),
    "a code without consent": Case(rules.LIVE_GRANT, [grant(requested(), AUTHENTICATED, CODE)]),
    "two codes": Case(rules.LIVE_GRANT, [to_consent(), grant(CODE)]),
    "a code after a refusal": Case(
        rules.LIVE_GRANT,
        [
            grant(requested(), AUTHENTICATED, ConsentGranted(SCOPE), AuthorizationRefused("e", "d", NOW)),
            grant(CODE),
        ],
    ),
    "tokens in the browser": Case(
        "", [grant(*in_browser("id_token token"), AuthorizationAnswered(NOW), access(), IDENTITY)]
    ),
    "a token that the response type has not": Case(
        rules.LIVE_GRANT, [grant(*in_browser("id_token"), AuthorizationAnswered(NOW), access())]
    ),
    "tokens beside a code": Case(
        "",
        [
            grant(*in_browser("code id_token token"), CODE, access(), IDENTITY),
            grant(REDEEMED, access(token_id="t2"), IDENTITY),
        ],
    ),
    "after the revocation": Case(
        rules.NOTHING_AFTER_REVOCATION, [to_consent(), REDEMPTION, grant(REVOKED), grant(*REFRESHED)]
    ),
    "a token alone after it": Case(
        rules.NOTHING_AFTER_REVOCATION,
        [to_consent(), REDEMPTION, grant(REVOKED), grant(access(token_id="t2"))],
    ),
    "after the session": Case(
        rules.LIVE_SESSION,
        [to_consent(SCOPE), (SESSION, (SessionEnded("logout", NOW),)), grant(REDEEMED, access(), IDENTITY)],
    ),
    "offline after the session": Case(
        "", [to_consent(), (SESSION, (SessionEnded("logout", NOW),)), grant(REDEEMED, access(), IDENTITY)]
    ),
    "a disabled account": Case(
        rules.LIVE_ACCOUNT, [to_consent(), (ACCOUNT, (AccountDisabled("test", NOW),)), REDEMPTION]
    ),
    "an enabled account": Case(
        "", [to_consent(), (ACCOUNT, (AccountDisabled("test", NOW), AccountEnabled(NOW))), REDEMPTION]
    ),
    "an erased account": Case(
        rules.LIVE_ACCOUNT, [to_consent(), (ACCOUNT, (PersonErased(NOW),)), REDEMPTION]
    ),
    "all grants ended": Case(
        rules.LIVE_ACCOUNT, [to_consent(), (ACCOUNT, (GrantsEnded("test", NOW),)), REDEMPTION]
    ),
    "other grants ended": Case(
        "", [to_consent(), (ACCOUNT, (GrantsEnded("test", NOW, client_id="other"),)), REDEMPTION]
    ),
    "the consent withdrawn": Case(
        rules.LIVE_ACCOUNT,
        [to_consent(), (ACCOUNT, (ConsentWithdrawn("shop", NOW, ends_grants=True),)), REDEMPTION],
    ),
    "a new password": Case(
        rules.LIVE_ACCOUNT, [to_consent(), (ACCOUNT, (PasswordSet(NOW, "unbound"),)), REDEMPTION]
    ),
    "a new password, bound tokens": Case(
        "", [to_consent(sender_constraints=("dpop",)), (ACCOUNT, (PasswordSet(NOW, "unbound"),)), REDEMPTION]
    ),
    "agreed again since": Case(
        "",
        [
            (ACCOUNT, (GrantsEnded("test", NOW),)),
            grant(requested(), AUTHENTICATED, ConsentGranted(OFFLINE, account_epoch=1), CODE),
            REDEMPTION,
        ],
    ),
    "a disabled client": Case(rules.LIVE_CLIENT, [to_consent(), DISABLED, REDEMPTION]),
    "an enabled client": Case("", [to_consent(), DISABLED, (CLIENT, (ClientEnabled(NOW),)), REDEMPTION]),
    "a deleted client": Case(rules.LIVE_CLIENT, [to_consent(), (CLIENT, (ClientDeleted(NOW),)), REDEMPTION]),
    "another client generation": Case(rules.LIVE_CLIENT, [to_consent(), (CLIENT, (CHANGED,)), REDEMPTION]),
    "refreshed by a changed client": Case(
        "", [to_consent(), REDEMPTION, (CLIENT, (CHANGED,)), grant(*REFRESHED)]
    ),
    "refreshed under new names": Case(
        rules.LIVE_CLIENT, [to_consent(), REDEMPTION, (CLIENT, (RENAMED,)), grant(*REFRESHED)]
    ),
    "an unknown client": Case(rules.LIVE_CLIENT, [to_consent(client_id="nobody")]),
    "a service": Case("", [grant(SERVICE, OF_SERVICE)]),
    "a service with more": Case(
        rules.SCOPE_WITHIN_GRANT, [grant(SERVICE, msgspec.structs.replace(OF_SERVICE, scope=("write",)))]
    ),
    "a service elsewhere": Case(
        rules.AUDIENCE_WITHIN_GRANT, [grant(SERVICE, msgspec.structs.replace(OF_SERVICE, audience=(FILES,)))]
    ),
    "a service's second token": Case(rules.LIVE_GRANT, [grant(SERVICE, OF_SERVICE), grant(OF_SERVICE)]),
}


async def log_of(case: Case) -> MemoryLog:
    log = MemoryLog()
    await write(log, CLIENT, ClientRegistered("shop", {"audiences": [API]}, NOW))
    await write(log, ACCOUNT, AccountCreated("ada", NOW))
    await write(log, SESSION, SessionStarted("ada", "cookie", NOW, "acr", ("pwd",), NOW + 900))
    for stream, events in case.writes:
        await write(log, stream, *events)
    return log


@pytest.mark.parametrize("page", [1, 2, 500])
@pytest.mark.parametrize("name", CASES)
async def test_each_rule(name: str, page: int) -> None:
    """A280: each rule is found broken once by events that break it, and by no others, wherever a page ends."""
    case = CASES[name]
    found = MemoryMonitor(await log_of(case)).run(page)
    assert {one.rule for one in found} - {rules.LIVE_GRANT} == {case.rule} - {"", rules.LIVE_GRANT}
    assert (rules.LIVE_GRANT in {one.rule for one in found}) == (case.rule == rules.LIVE_GRANT)
    assert len(found) == (1 if case.rule else 0)
    assert all(one.positions == tuple(sorted(set(one.positions))) for one in found)


#: What a grant depends on is kept in rows alone: with them, these breaches are gone.
FROM_STREAMS = [
    name
    for name, case in CASES.items()
    if case.rule
    and case.rule not in (rules.LIVE_SESSION, rules.LIVE_ACCOUNT)
    and "resource server" not in name
]


@pytest.mark.parametrize("name", FROM_STREAMS)
async def test_rows_are_no_memory(name: str) -> None:
    """F39: with every row of the monitor lost after each page, it finds the same, from the streams; only what an
    account or a session did before is gone with its row."""
    case = CASES[name]
    monitor = MemoryMonitor(await log_of(case))
    whole = len(monitor.log.log)
    found = []
    for position in range(1, whole + 1):
        log, monitor.log.log = monitor.log.log, monitor.log.log[:position]
        found += monitor.run(1)
        monitor.log.log = log
        monitor.rows.clear()
    assert [one.rule for one in found] == [case.rule]


async def test_rows_leave_with_their_grants() -> None:
    """A grant that is over has no row, nor has a client's own grant; a live one has one small row."""
    log = await log_of(CASES["the whole flow"])
    for number in range(50):
        await write(log, f"default:grant:service-{number}", SERVICE, OF_SERVICE)
    await write(log, "default:grant:live", *to_consent()[1], *REDEMPTION[1])
    await write(log, "default:grant:last", SERVICE, OF_SERVICE)
    monitor = MemoryMonitor(log)
    assert monitor.run() == []
    kept = {stream: document for stream, document in monitor.rows.items() if ":grant:" in stream}
    assert set(kept) == {"default:grant:live"}
    assert len(kept["default:grant:live"]) < 300
    assert monitor.asked == 1  # the client, which has no row yet


async def test_a_broken_rule_is_told_once_per_grant() -> None:
    """A281: a grant that goes on breaking a rule is one breach, with the first events that contradict each other."""
    case = CASES["after the revocation"]
    log = await log_of(case)
    for generation in range(3, 30):
        await write(log, GRANT, rotated(generation), access(token_id=f"t{generation}"), IDENTITY)
    monitor = MemoryMonitor(log)
    (breach,) = monitor.run(3)
    revoked = next(one.position for one in log.log if one.type == "grant.revoked.v1")
    assert breach.positions == (revoked, revoked + 1)


SEEN = {event: read for event, read, _ in (*GRANT_TABLE, *TABLE)}


@pytest.mark.parametrize("event", SEEN, ids=lambda event: event.__name__)
def test_reads_what_the_events_have(event: type[Event]) -> None:
    """What is read of an event has the names, the types and the defaults of the event's own fields."""
    fields = {one.name: one for one in msgspec.structs.fields(event)}
    for one in msgspec.structs.fields(SEEN[event]):
        known = fields[one.name]
        if one.type not in (reading.Metadata, reading.Settings):
            assert (one.type, one.default) == (known.type, known.default)
