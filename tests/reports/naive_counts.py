"""Counts what a report should say, from the raw rows of the log and their JSON, as naively as can be.

It shares no code with the sections of reports: no events, no folds, no trails. It keeps every position in a list.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from tests.reports import naive_acts, naive_states
from tests.reports.raw_rows import Counted, LedgerRow, Raw


def count(events: Iterable[Raw], positions: tuple[int, int], days: int, ends_at: int) -> Counted:
    """What the figures of a period of so many days should be, which ends at a time (s)."""
    first, last = positions
    found = Counted(defaultdict(list), {})
    log = [event for event in events if event.position <= last]
    period = [event for event in log if event.position >= first]
    _sign_ins(period, found)
    _consents(log, period, first, found)
    _revocations(log, period, found)
    _incidents(log, period, found)
    _integrity(log, period, found)
    naive_acts.administration(period, found)
    naive_acts.changes(period, found)
    naive_acts.weaker(log, first, found)
    naive_acts.tokens(log, first, found)
    end = naive_states.End(log, first, ends_at)
    for counts in (
        naive_states.ages,
        naive_states.dormant,
        naive_states.access,
        naive_states.registration,
        naive_states.erasures,
    ):
        counts(end, found)
    found.values["log_integrity.empty_days"] = days - len({event.at // 86_400_000_000 for event in period})
    return found


_PLAIN = {
    "requests": ("grant.authorization_requested.v1",),
    "another_account": ("grant.another_account_requested.v1",),
    "answered": ("grant.code_issued.v1", "grant.authorization_answered.v1"),
    "sessions": ("session.started.v1",),
    "sessions_renewed": ("session.reauthenticated.v1",),
}


def of_ledger(ledger: list[LedgerRow], positions: tuple[int, int], found: Counted) -> None:
    """What the rows of the ledger say, which have the hashes of the chain as they were written."""
    first, last = positions
    inside = [row for row in ledger if row.last >= first and row.first <= last]
    pause, after = max((later.at - row.at, -row.last) for row, later in pairwise(inside))
    found.positions["log_integrity.batches"] = list(range(first, last + 1))
    found.positions["log_integrity.chain"] = [last]
    found.positions["log_integrity.pause"] = [-after]
    found.values["log_integrity.batches"] = len(inside)
    found.values["log_integrity.chain"] = inside[-1].chain
    found.values["log_integrity.pause"] = round(pause / 1_000_000, 3)


def _sign_ins(period: list[Raw], found: Counted) -> None:
    to = found.positions
    flood = 0
    for event in period:
        match event.type:
            case "grant.subject_authenticated.v1" if event.payload.get("by_session"):
                to["sign_ins.by_session"].append(event.position)
            case "grant.subject_authenticated.v1":
                to["sign_ins.people"].append(event.position)
                to["sign_ins.by_method." + "_".join(event.payload["amr"])].append(event.position)
            case "grant.sign_in_failed.v1":
                to["sign_ins.failed"].append(event.position)
                to["sign_ins.failed_by." + event.payload["reason"]].append(event.position)
            case (
                "grant.code_redeemed.v1"
                | "grant.client_credentials_granted.v1"
                | "grant.refresh_token_rotated.v1"
                | "grant.refresh_token_used.v1"
            ):
                method = event.payload.get("client_auth_method") or "not_recorded"
                to["sign_ins.clients"].append(event.position)
                to["sign_ins.clients_by." + method].append(event.position)
            case "refusal.request_refused.v1" if event.payload["error"] == "invalid_client":
                to["sign_ins.clients_failed"].append(event.position)
                to["sign_ins.clients_failed_by." + event.payload["reason"]].append(event.position)
            case "refusal.counted.v1":
                to["sign_ins.refusals_counted"].append(event.position)
                flood += event.payload["count"]
    for name, types in _PLAIN.items():
        to["sign_ins." + name] = [event.position for event in period if event.type in types]
    for name, tag in (("ended", "grant.authorization_refused.v1"), ("refused", "refusal.request_refused.v1")):
        for event in period:
            if event.type == tag:
                to[f"sign_ins.{name}"].append(event.position)
                to[f"sign_ins.{name}_with.{event.payload['error']}"].append(event.position)
    found.values["sign_ins.refusals_counted"] = flood


def _consents(log: list[Raw], period: list[Raw], first: int, found: Counted) -> None:
    to = found.positions
    for event in period:
        match event.type:
            case "grant.consent_granted.v1":
                name = "remembered" if event.payload.get("remembered") else "given"
                to["consents." + name].append(event.position)
            case "grant.authorization_refused.v1" if event.payload["error"] == "access_denied":
                to["consents.declined"].append(event.position)
            case "account.consent_withdrawn.v1":
                to["consents.withdrawn"].append(event.position)
                if event.payload.get("ends_grants"):
                    to["consents.withdrawn_with_grants"].append(event.position)
    before = [event for event in log if event.position < first]
    to["consents.standing_before"] = _standing(before)
    to["consents.standing"] = _standing(log)


def _standing(events: list[Raw]) -> list[int]:
    standing: dict[tuple[str, str], int] = {}
    for event in events:
        match event.type:
            case "account.consent_remembered.v1":
                standing[event.id, event.payload["client_id"]] = event.position
            case "account.consent_withdrawn.v1":
                standing.pop((event.id, event.payload["client_id"]), None)
            case "account.person_erased.v1":
                standing = {key: at for key, at in standing.items() if key[0] != event.id}
            case "client.deleted.v1":
                standing = {key: at for key, at in standing.items() if key[1] != event.id}
    return sorted(standing.values())


_AT_ONCE = {
    "account.grants_ended.v1": "grants_of_a_person",
    "account.disabled.v1": "account_disabled",
    "account.person_erased.v1": "person_erased",
    "client.disabled.v1": "client_disabled",
    "client.deleted.v1": "client_deleted",
    "key.revoked.v1": "key_revoked",
}


def _cause(reason: str) -> str:
    if reason.startswith("incident "):
        return "incident"
    return "given_in_words" if " " in reason else reason


def _revocations(log: list[Raw], period: list[Raw], found: Counted) -> None:
    to = found.positions
    for event in period:
        name = _AT_ONCE.get(event.type)
        if event.type == "account.password_set.v1" and event.payload.get("ends_grants"):
            name = "new_password"
        if event.type == "account.consent_withdrawn.v1" and event.payload.get("ends_grants"):
            name = "consent_withdrawn"
        if name:
            to["revocations.at_once"].append(event.position)
            to["revocations.at_once_by." + name].append(event.position)
        match event.type:
            case "grant.access_token_revoked.v1":
                to["revocations.tokens"].append(event.position)
            case "grant.revoked.v1":
                to["revocations.grants"].append(event.position)
                to["revocations.grants_by." + _cause(event.payload["reason"])].append(event.position)
            case "session.ended.v1":
                to["revocations.sessions"].append(event.position)
                to["revocations.sessions_by." + _cause(event.payload["reason"])].append(event.position)
            case "session.backchannel_logout_delivered.v1":
                to["revocations.notices_confirmed"].append(event.position)
            case "session.backchannel_logout_failed.v1":
                to["revocations.notices_failed"].append(event.position)
            case "signal.verification_requested.v1":
                to["revocations.signals_checked"].append(event.position)
    got = [event for event in period if event.type == "signal.delivered.v1"]
    to["revocations.signals"] = [event.position for event in got]
    to["revocations.signals_refused"] = [event.position for event in got if event.payload.get("refused")]
    found.values["revocations.signals"] = sum(event.payload.get("count", 0) for event in got)
    found.values["revocations.signals_refused"] = sum(len(event.payload.get("refused", ())) for event in got)
    _latencies(log, period, found)


def _latencies(log: list[Raw], period: list[Raw], found: Counted) -> None:
    to, longest = found.positions, defaultdict(int)
    ended = {event.id: event.at for event in log if event.type == "session.ended.v1"}
    expires: dict[str, int] = defaultdict(int)
    inside = {event.position for event in period}
    for event in log:
        if event.type == "grant.access_token_issued.v1" and event.payload["format"] == "jwt":
            expires[event.id] = max(expires[event.id], event.payload["expires_at"] * 1_000_000)
        if event.position not in inside:
            continue
        if event.type in ("grant.access_token_revoked.v1", "grant.revoked.v1"):
            to["revocations.longest_recorded"].append(event.position)
            late = event.at - event.payload["revoked_at"] * 1_000_000
            longest["recorded"] = max(longest["recorded"], late)
        if event.type == "grant.revoked.v1" and expires[event.id] > event.at:
            to["revocations.longest_outlived"].append(event.position)
            longest["outlived"] = max(longest["outlived"], expires[event.id] - event.at)
        if event.type == "session.backchannel_logout_delivered.v1":
            to["revocations.longest_notice"].append(event.position)
            longest["notice"] = max(longest["notice"], event.at - ended[event.id])
    for name in ("recorded", "outlived", "notice"):
        found.values["revocations.longest_" + name] = round(longest[name] / 1_000_000, 3)


def _incidents(log: list[Raw], period: list[Raw], found: Counted) -> None:
    to, things = found.positions, 0
    opened = {event.id: event for event in log if event.type == "incident.opened.v1"}
    closed = {event.id: event for event in log if event.type == "incident.closed.v1"}
    longest = 0
    for event in period:
        match event.type:
            case "incident.opened.v1":
                to["incidents.opened"].append(event.position)
            case "incident.closed.v1":
                to["incidents.closed"].append(event.position)
                to["incidents.longest_open"].append(opened[event.id].position)
                longest = max(longest, event.at - opened[event.id].at)
            case "incident.ended.v1":
                to["incidents.ended"].append(event.position)
                things += len(event.payload["ids"])
            case "grant.code_replayed.v1":
                to["incidents.code_replayed"].append(event.position)
            case "grant.refresh_token_reused.v1":
                to["incidents.refresh_reused"].append(event.position)
    to["incidents.open"] = [event.position for name, event in opened.items() if name not in closed]
    to["incidents.longest_open"].sort()
    found.values["incidents.ended"] = things
    found.values["incidents.longest_open"] = round(longest / 1_000_000, 3)


def _integrity(log: list[Raw], period: list[Raw], found: Counted) -> None:
    to = found.positions
    to["log_integrity.events"] = [event.position for event in period]
    for event in period:
        match event.type:
            case "log.checkpoint_signed.v1":
                to["log_integrity.checkpoints"].append(event.position)
                if event.payload.get("witnesses"):
                    to["log_integrity.witnessed"].append(event.position)
            case "log.checkpoint_key_created.v1":
                to["log_integrity.keys"].append(event.position)
            case "log.rollback_accepted.v1":
                to["log_integrity.rollbacks"].append(event.position)
            case "audit.rule_broken.v1":
                to["log_integrity.breaches"].append(event.position)
                to["log_integrity.breaches_of." + event.payload["rule"]].append(event.position)
            case "audit.rule_break_acknowledged.v1":
                to["log_integrity.acknowledged"].append(event.position)
    known = {event.id for event in log if event.type == "audit.rule_break_acknowledged.v1"}
    to["log_integrity.open_breaches"] = [
        event.position for event in log if event.type == "audit.rule_broken.v1" and event.id not in known
    ]
    checkpoints = [event for event in log if event.type == "log.checkpoint_signed.v1"]
    inside = {event.position for event in period}
    waits = [
        (later.at - one.at, -later.position)
        for one, later in pairwise(checkpoints)
        if later.position in inside
    ]
    wait, ended_by = max(waits, default=(0, 0))
    to["log_integrity.longest_wait"] = [-ended_by] if wait else []
    found.values["log_integrity.longest_wait"] = round(wait / 1_000_000, 3)
    to["log_integrity.uncovered"] = [checkpoints[-1].position] if checkpoints else []
    covered = checkpoints[-1].payload["size"] if checkpoints else 0
    found.values["log_integrity.uncovered"] = log[-1].position - covered
    to["log_integrity.unreadable"] = []
