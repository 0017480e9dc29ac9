"""What the log says of a moment is what the server answered at that moment: rows, introspection, lists."""

import asyncio
import os
from time import process_time, time
from typing import Any, NamedTuple

import msgspec
import pytest

from authrim.audit.past.moments import Moment
from authrim.audit.past.reading import Past
from authrim.audit.past.states import STATES, state_of, states_of
from authrim.audit.past.view import View
from authrim.core.clients_and_keys import Configuration
from authrim.core.execute import Change, append_of
from authrim.crypto.key_ring import KeyRing
from authrim.people.grant_status import read_grant_status
from authrim.store.contract import Store
from authrim.tokens.access_tokens import AccessTokens
from domain.claim import definitions as claim_definitions
from domain.client.events import ClientRegistered
from domain.event import folding
from domain.grant.standing import last_expiry, standing_of
from domain.key.events import KeyCreated
from domain.key.key import Key, KeyTimes, life, successor_of
from domain.liveness import why_not
from domain.person import role as roles
from domain.person.session import status_at
from domain.registration import initial_access_token as initial_tokens
from domain.scope_text import scope_text
from domain.setting import settings
from domain.setting.events import SettingsChanged
from domain.stream import (
    CLAIM,
    DEFAULT_TENANT,
    GRANT,
    KEY,
    REGISTRATION,
    ROLE,
    SCOPE,
    SESSION,
    SETTING,
    claims_stream,
    client_stream,
    key_stream,
    registration_stream,
    role_stream,
    scope_stream,
    setting_stream,
)
from domain.units import DAY, HOUR, MICROSECONDS
from projections.inline import STATE_PROJECTIONS
from projections.tables import TOKENS
from tests.audit.past._surroundings import TIMES
from tests.audit.past.histories import History
from tests.audit.past.memory_log import MemoryLog
from tests.domain.grant_samples import ISSUER, NOW

HISTORIES = int(os.environ.get("AUTHRIM_TEST_HISTORIES", "10000"))
STEPS = 30


class Answers(NamedTuple):
    """What the server would answer at a moment, by kind and id: the states in its rows, and statuses with reasons;
    whether each opaque token is active, by the function of introspection."""

    moment: Moment
    states: dict[tuple[str, str], Any]
    statuses: dict[tuple[str, str], tuple[str, str]]
    active: dict[tuple[str, str], bool]


async def answers_of(log: Any, history: History, now: int) -> Answers:
    """The answers now, from the rows beside the log."""
    position = (await log.head()).position
    answers = Answers(Moment(position, now * MICROSECONDS), {}, {}, {})
    for kind, projection in STATE_PROJECTIONS.items():
        for row in await log.read_rows(projection.table.name, "", 1000):
            state = projection.state_of(row["document"])
            answers.states[kind, row[projection.id_column]] = state
            answers.statuses[kind, row[projection.id_column]] = (row["status"], "")
    _lives(answers, history.times, now)
    for grant_id in history.grants:
        answers.statuses[GRANT, grant_id] = await _grant_status(log, history, grant_id, now)
    found = AccessTokens(log, Configuration(log, _NO_KEYS), _NO_KEYS, ISSUER)
    for key, handle in history.handles.items():
        presented = await found.find(DEFAULT_TENANT, handle)
        answers.active[key] = presented is not None and presented.is_active
    definitions = history.state(claims_stream(DEFAULT_TENANT), claim_definitions.fold)
    for name, one in definitions.by_name.items():
        answers.statuses[CLAIM, name] = ("active" if one.in_use else "retired", "")
    for value in history.state(scope_stream(DEFAULT_TENANT), scope_text.fold):
        answers.statuses[SCOPE, value] = ("described", "")
    if history.state(setting_stream(DEFAULT_TENANT), settings.fold):
        answers.statuses[SETTING, "server"] = ("recorded", "")
    if history.has_begun(role_stream(DEFAULT_TENANT, roles.AUDITOR)):
        holders = history.state(role_stream(DEFAULT_TENANT, roles.AUDITOR), roles.fold)
        answers.statuses[ROLE, roles.AUDITOR] = ("held" if holders.subjects else "nobody", "")
    token = history.state(registration_stream(DEFAULT_TENANT, "first"), initial_tokens.fold)
    if token.issued is not None:
        why = token.why_not(now)
        answers.statuses[REGISTRATION, "first"] = ("ended" if why else "active", why)
    return answers


async def _no_key(_tenant: str, _kid: str) -> bytes | None:
    return None


_NO_KEYS = KeyRing(_no_key, TIMES)


def _lives(answers: Answers, times: KeyTimes, now: int) -> None:
    """Sessions and keys change with time alone."""
    keys: list[Key] = [state for (kind, _), state in answers.states.items() if kind == KEY]
    for key in keys:
        stage = life(key, successor_of(key, keys), now, times)
        answers.statuses[KEY, key.kid] = (stage, "revoked" if key.status == "revoked" else "")
    for (kind, name), state in answers.states.items():
        if kind == SESSION:
            answers.statuses[kind, name] = (status_at(state, now), "")


async def _grant_status(log: Any, history: History, grant_id: str, now: int) -> tuple[str, str]:
    """As the list of a person's grants says."""
    grant = history.grant(grant_id)
    status = await read_grant_status(log, DEFAULT_TENANT, history.client(grant.client_id), grant, now)
    rows = await log.read_rows(TOKENS.name, f"{DEFAULT_TENANT}:{grant_id}:", 100)
    times = [r["expires_at"] for r in rows if r["grant_id"] == grant_id and r["revoked_at"] is None]
    return standing_of(grant, why_not(status.liveness), last_expiry(grant, times), now)


async def check(log: Any, answers: Answers) -> int:
    """Compare everything that the log says of that moment; how many things that were."""
    past = Past(log, DEFAULT_TENANT, answers.moment, TIMES)
    for (kind, name), live in answers.states.items():
        projection = STATE_PROJECTIONS[kind]
        fold = folding(projection.apply, projection.empty)
        assert await past.state(f"{DEFAULT_TENANT}:{kind}:{name}", fold) == live
    shown: dict[tuple[str, str], bool] = {}
    for (kind, name), (status, reason) in answers.statuses.items():
        view = await state_of(past, kind, name)
        assert isinstance(view, View), (kind, name, view)
        assert view.status == status, (kind, name, answers.moment)
        assert kind == SESSION or view.reason == reason, (kind, name, answers.moment)
        msgspec.json.encode(view.as_json(DEFAULT_TENANT, answers.moment))
        for token in view.fields["tokens"] if kind == GRANT else ():
            shown[name, token["token_id"]] = token["active"]
    assert {key: shown[key] for key in answers.active} == answers.active
    for kind in (KEY, CLAIM, SCOPE):
        views = await states_of(past, kind)
        assert isinstance(views, list)
        assert {view.id for view in views} == {name for one, name in answers.statuses if one == kind}
    return len(answers.states) + len(answers.statuses) + len(answers.active)


async def one_history(seed: int) -> int:
    """A history with its clock, checked as of its end and as of a moment on the way; how much was compared."""
    log = MemoryLog()
    history = History(log, seed, NOW)
    log.now = NOW
    await history.begin()
    steps = history.random.randrange(1, STEPS)
    looked = history.random.randrange(steps)
    on_the_way = None
    for number in range(steps):
        await history.step()
        if number == looked:
            on_the_way = await answers_of(log, history, history.now)
    assert on_the_way is not None
    return await check(log, on_the_way) + await check(log, await answers_of(log, history, history.now))


def test_as_of_is_what_was_answered() -> None:
    """For 10,000 random histories the state as of now, and as of a moment on the way, is that of the live rows: every
    state, every status with its reason, and of every opaque token whether introspection called it active."""

    async def all_histories() -> int:
        return sum([await one_history(seed) for seed in range(HISTORIES)])

    began = process_time()
    compared = asyncio.run(all_histories())
    print(f"{HISTORIES} histories, {compared} answers compared, {process_time() - began:.1f} s of CPU time")
    assert compared > HISTORIES * 10


def test_histories_reach_everything() -> None:
    """The histories are no empty ones: every kind, every standing of a grant and of a token is among them, with every
    reason that a grant ends for."""

    async def seen() -> set[tuple[str, str, str]]:
        found: set[tuple[str, str, str]] = set()
        for seed in range(400):
            log = MemoryLog()
            history = History(log, seed, NOW)
            log.now = NOW
            await history.begin()
            for _ in range(40):
                await history.step()
            answers = await answers_of(log, history, history.now)
            found |= {(kind, *standing) for (kind, _), standing in answers.statuses.items()}
            found |= {("token", str(active), "") for active in answers.active.values()}
        return found

    found = asyncio.run(seen())
    assert {kind for kind, _, _ in found} == {*STATES, "token"}
    statuses = {status for kind, status, _ in found if kind == GRANT}
    assert statuses == {"active", "waiting", "expired", "ended"}
    assert {
        "account_not_active", "session_ended", "client_not_active", "subjects_changed", "consent_withdrawn",
        "password_changed", "administrator", "revoked_by_client", "refresh_reused", "code_replayed",
        "access_denied", "wrong_verifier",
    } <= {reason for kind, _, reason in found if kind == GRANT}  # fmt: skip
    assert {("token", "True", ""), ("token", "False", "")} <= found
    assert {status for kind, status, _ in found if kind == KEY} == {"published", "active", "retired", "gone"}


async def test_as_of_on_each_store(store: Store) -> None:
    """The same on the real stores, with their own rows and look-ups: one long history in which no time passes, checked
    as of every tenth step."""
    history = History(store, 11, int(time()) + HOUR, time_passes=False)
    await history.begin()
    asked = []
    for number in range(200):
        await history.step()
        if number % 10 == 9:
            asked.append(await answers_of(store, history, history.now))
    for answers in asked:
        await check(store, answers)


@pytest.mark.parametrize(("cache_seconds", "stage"), [(0, "gone"), (7200, "retired")])
async def test_settings_of_the_past_count(cache_seconds: int, stage: str) -> None:
    """How long a key stayed in the key set, and whether clients with a metadata document existed, follows the settings
    that a process had started with, and those of the question where none are recorded."""
    log = MemoryLog()
    log.now = NOW
    document = "https://client.example/metadata"
    first = KeyCreated("first", "ES256", {"kid": "first"}, NOW, NOW)
    second = KeyCreated("second", "ES256", {"kid": "second"}, NOW, NOW + 60)
    registered = ClientRegistered(document, {}, NOW, "metadata_document")
    changes = (
        Change(key_stream(DEFAULT_TENANT, "first"), 0, (first,)),
        Change(key_stream(DEFAULT_TENANT, "second"), 0, (second,)),
        Change(client_stream(DEFAULT_TENANT, document), 0, (registered,)),
    )
    await log.append(append_of(changes, b"{}"))
    log.now = later = NOW + 60 + DAY + 3600
    recorded = {"jwks_cache_seconds": cache_seconds, "id_token_lifetime": 600, "features_on": []}
    started = SettingsChanged("digest", recorded, later)
    await log.append(append_of((Change(setting_stream(DEFAULT_TENANT), 0, (started,)),), b"{}"))

    def past(position: int) -> Past:
        moment = Moment(position, later * MICROSECONDS)
        return Past(log, DEFAULT_TENANT, moment, KeyTimes(3 * DAY, DAY))  # type: ignore[arg-type]

    for position, wanted, exists in ((3, "retired", True), (4, stage, False)):
        view = await state_of(past(position), KEY, "first")
        assert isinstance(view, View)
        assert view.status == wanted
        assert (await past(position).client(document)).exists is exists
