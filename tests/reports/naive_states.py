"""Counts naively what there is at the end of a period, and what became of it: keys, secrets, accounts, clients."""

from collections import defaultdict
from typing import Any, NamedTuple

from tests.reports.raw_rows import Counted, Raw

_DAY = 86_400
_WITH_SECRET = {"client_secret_basic", "client_secret_post", "client_secret_jwt"}
_ALLOWS = (
    "token_endpoint_auth_method", "grant_types", "scope", "audiences", "profile", "may_introspect", "skip_consent",
)  # fmt: skip

_RECEIVERS = {
    "added": ("webhook.created.v1", "signal.stream_created.v1"),
    "changed": ("signal.stream_changed.v1", "signal.stream_status_set.v1"),
    "removed": ("webhook.deleted.v1", "signal.stream_deleted.v1"),
}


class End(NamedTuple):
    """A log up to the end of a period, by what its events are about, and that end in seconds."""

    log: list[Raw]
    first: int
    now: int

    def of(self, kind: str, *types: str) -> dict[str, list[Raw]]:
        """The events of each thing of a kind; of these types, or all."""
        found: dict[str, list[Raw]] = defaultdict(list)
        for event in self.log:
            if event.kind == kind and (not types or event.type.split(".")[1] in types):
                found[event.id].append(event)
        return found

    def during(self, *types: str) -> list[int]:
        """The positions of these types in the period."""
        return [one.position for one in self.log if one.position >= self.first and one.type in types]


def _has(events: list[Raw], name: str) -> bool:
    return any(event.type.split(".")[1] == name for event in events)


def _is_active(events: list[Raw]) -> bool:
    """Whether an account or client is there, and not disabled."""
    states = [event.type.split(".")[1] for event in events]
    ends = [state for state in states if state in ("created", "registered", "disabled", "enabled")]
    return bool(ends) and ends[-1] != "disabled" and not {"person_erased", "deleted"} & set(states)


def ages(end: End, found: Counted) -> None:
    """The keys and secrets that are in use, by their age."""
    to, values, now = found.positions, found.values, end.now
    for word in ("created", "promoted", "revoked"):
        to[f"secret_age.keys_{word}"] = end.during(f"key.{word}.v1")
    used: dict[str, tuple[int, int]] = {}
    for events in end.of("key").values():
        begins = [event.payload["active_from"] for event in events if "active_from" in event.payload][-1]
        if not _has(events, "revoked") and begins <= now:
            name = events[0].payload["alg"]
            used[name] = max(used.get(name, (0, 0)), (begins, events[0].position))
    _oldest("key", list(used.values()), now, found)
    to["secret_age.keys_used"] = sorted(at for _, at in used.values())
    to["secret_age.keys_old"] = sorted(at for since, at in used.values() if now - since > 365 * _DAY)
    started = [event for event in end.log if "master_keys" in event.payload.get("changed", {})]
    to["secret_age.master_keys"] = to["secret_age.newest_master_key"] = [event.position for event in started]
    values["secret_age.master_keys"] = len(started[0].payload["changed"]["master_keys"])
    values["secret_age.newest_master_key"] = (now - started[0].payload["started_at"]) // _DAY
    key = [event for event in end.log if event.type == "log.checkpoint_key_created.v1"][-1]
    to["secret_age.checkpoint_key"] = [key.position]
    to["secret_age.master_keys_given_up"] = end.during("setting.master_key_given_up.v1")
    values["secret_age.checkpoint_key"] = (now - key.payload["created_at"]) // _DAY
    _secrets(end, found)
    _passwords(end, found)


def _oldest(what: str, ones: list[tuple[int, int]], now: int, found: Counted) -> None:
    days = max((now - since) // _DAY for since, _ in ones)
    found.values[f"secret_age.oldest_{what}"] = days
    at = sorted(position for since, position in ones if (now - since) // _DAY == days)
    found.positions[f"secret_age.oldest_{what}"] = at


def _secrets(end: End, found: Counted) -> None:
    to, now = found.positions, end.now
    to["secret_age.secrets_set"] = end.during("client.secret_set.v1")
    valid: list[tuple[int, int]] = []
    for events in end.of("client").values():
        methods = [event.payload["metadata"] for event in events if "metadata" in event.payload]
        newest = [event for event in events if _has([event], "secret_set")]
        if (
            not newest
            or not _is_active(events)
            or methods[-1]["token_endpoint_auth_method"] not in _WITH_SECRET
        ):
            continue
        expires = newest[-1].payload.get("expires_at", 0)
        if expires and expires <= now:
            to["secret_age.clients_without_valid_secret"].append(newest[-1].position)
            continue
        valid.append((newest[-1].payload["set_at"], newest[-1].position))
        if not expires:
            to["secret_age.secrets_without_expiry"].append(newest[-1].position)
    _oldest("secret", valid, now, found)
    to["secret_age.secrets"] = sorted(at for _, at in valid)
    to["secret_age.secrets_old"] = sorted(at for since, at in valid if now - since > 365 * _DAY)
    for name in ("clients_without_valid_secret", "secrets_without_expiry"):
        to["secret_age." + name].sort()


def _passwords(end: End, found: Counted) -> None:
    to = found.positions
    to["secret_age.passwords_set"] = end.during("account.password_set.v1")
    for events in end.of("account").values():
        newest = [event for event in events if _has([event], "password_set")]
        if newest and _is_active(events):
            to["secret_age.passwords"].append(newest[-1].position)
            if end.now - newest[-1].payload["set_at"] > 90 * _DAY:
                to["secret_age.passwords_old"].append(newest[-1].position)
    for name in ("passwords", "passwords_old"):
        to["secret_age." + name].sort()


def dormant(end: End, found: Counted) -> None:
    """What is active, and when it was used last."""
    used: dict[tuple[str, str], Raw] = {}
    for event in end.log:
        if event.type in ("grant.subject_authenticated.v1", "session.started.v1"):
            used["accounts", event.payload["subject"]] = event
        if event.type in ("grant.access_token_issued.v1", "grant.code_issued.v1"):
            used["clients", event.payload["client_id"]] = event
    for what, kind in (("accounts", "account"), ("clients", "client")):
        to = {name: list[int]() for name in ("active", "used", "dormant", "never")}
        for name, events in end.of(kind).items():
            if not _is_active(events):
                continue
            last, made = used.get((what, name)), events[0]
            shows = last or made
            asks = any(event.payload.get("metadata", {}).get("may_introspect") for event in events)
            to["active"].append(made.position)
            if last and last.position >= end.first:
                to["used"].append(last.position)
            if not last and not asks:
                to["never"].append(made.position)
            if end.now * 1_000_000 - shows.at >= 90 * _DAY * 1_000_000 and not asks:
                to["dormant"].append(shows.position)
        found.positions.update({f"dormant.{what}_{name}": sorted(ones) for name, ones in to.items()})
        found.positions[f"dormant.{what}_disabled"] = end.during(f"{kind}.disabled.v1")


def access(end: End, found: Counted) -> None:
    """Who has what, and what changed of it."""
    to, changed = found.positions, list[int]()
    people = end.of("account")
    able = {name for name, events in people.items() if _is_active(events)}
    to["access_review.accounts"] = sorted(people[name][0].position for name in able)
    for word, tag in (("created",) * 2, ("disabled",) * 2, ("enabled",) * 2, ("erased", "person_erased")):
        to["access_review.accounts_" + word] = end.during(f"account.{tag}.v1")
        changed += [event.position for event in end.log if event.type == f"account.{tag}.v1"]
    holders: dict[tuple[str, str], int] = {}
    for event in end.log:
        if event.type == "role.granted.v1":
            holders[event.id, event.payload["subject"]] = event.position
        if event.type == "role.taken.v1":
            holders.pop((event.id, event.payload["subject"]))
        if event.kind == "role":
            changed.append(event.position)
    to["access_review.holders"] = sorted(holders.values())
    for (_, subject), since in holders.items():
        later = (one for one in end.log if one.position > since and one.payload.get("subject") == subject)
        if subject not in able:
            to["access_review.holders_unable"].append(since)
        elif not any(one.type in ("grant.subject_authenticated.v1", "session.started.v1") for one in later):
            to["access_review.holders_idle"].append(since)
    to["access_review.roles_given"] = end.during("role.granted.v1")
    to["access_review.roles_taken"] = end.during("role.taken.v1")
    changed += _clients(end, found)
    for word, types in _RECEIVERS.items():
        to["access_review.receivers_" + word] = end.during(*types)
        changed += [event.position for event in end.log if event.type in types]
    for word in ("added", "removed"):
        to["access_review.signal_people_" + word] = end.during(f"signal.subject_{word}.v1")
    stream_events = end.of(
        "signal", "stream_created", "stream_changed", "stream_status_set", "stream_deleted"
    )
    newest = [events[-1] for events in stream_events.values()]
    to["access_review.signals"] = sorted(one.position for one in newest if "deleted" not in one.type)
    gone = {event.payload["webhook_id"] for event in end.log if event.type == "webhook.deleted.v1"}
    to["access_review.webhooks"] = [
        event.position
        for event in end.log
        if event.type == "webhook.created.v1" and event.payload["webhook_id"] not in gone
    ]
    to["access_review.reviews"] = end.during("audit.access_reviewed.v1")
    review = [event for event in end.log if event.type == "audit.access_reviewed.v1"][-1]
    to["access_review.last_review"] = [review.position]
    found.values["access_review.last_review"] = (end.now - review.payload["reviewed_at"]) // _DAY
    unseen = sorted(position for position in changed if position > review.payload["position"])
    to["access_review.changed_since_review"] = unseen


def registration(end: End, found: Counted) -> None:
    """Who may register clients: by the setting, and with which tokens."""
    said = [event for event in end.log if "registration" in event.payload.get("changed", {})]
    found.positions["access_review.registration"] = [said[-1].position]
    found.values["access_review.registration"] = said[-1].payload["changed"]["registration"]
    found.positions["access_review.tokens_open"] = sorted(
        events[0].position
        for events in end.of("registration").values()
        if not _has(events, "token_revoked")
        and sum(event.type == "registration.token_used.v1" for event in events) < events[0].payload["uses"]
        and events[0].payload["expires_at"] > end.now
    )


def _clients(end: End, found: Counted) -> list[int]:
    to, changed = found.positions, list[int]()
    words = {"registered": "registered", "disabled": "removed", "deleted": "removed", "enabled": "enabled"}
    for events in end.of("client", "registered", "updated", "disabled", "enabled", "deleted").values():
        allowed: Any = None
        for event in events:
            word = words.get(event.type.split(".")[1])
            if event.type == "client.updated.v1":
                now = [event.payload["metadata"].get(name) for name in _ALLOWS]
                word = "changed" if now != allowed else None
            if "metadata" in event.payload:
                allowed = [event.payload["metadata"].get(name) for name in _ALLOWS]
            if word:
                changed.append(event.position)
                if event.position >= end.first:
                    to["access_review.clients_" + word].append(event.position)
        last = [event for event in events if "metadata" in event.payload][-1]
        said = last.payload["metadata"]
        for name, applies in (
            ("clients", True),
            ("clients_own", "client_credentials" in said.get("grant_types", ())),
            ("clients_public", said.get("token_endpoint_auth_method") == "none"),
            ("clients_introspect", said.get("may_introspect")),
            ("clients_read_log", "audit:events" in said.get("scope", ())),
            ("clients_without_consent", said.get("skip_consent")),
            ("clients_by_themselves", events[0].payload.get("source", "admin") != "admin"),
        ):
            if applies and _is_active(events):
                to["access_review." + name].append(last.position)
    for name in [name for name in to if name.startswith("access_review.clients")]:
        to[name].sort()
    return changed


def erasures(end: End, found: Counted) -> None:
    """Each person by themselves: what was asked, what forbade it, what was done."""
    to, now = found.positions, end.now
    for name, tag in (
        ("erased", "person_erased"), ("requested", "erasure_requested"), ("withdrawn", "erasure_withdrawn"),
        ("holds_placed", "hold_placed"), ("holds_released", "hold_released"),
    ):  # fmt: skip
        to["erasures." + name] = end.during(f"account.{tag}.v1")
    waited: list[tuple[int, int]] = []
    keys = 0
    for events in end.of("account").values():
        request: Raw | None = None
        holds: dict[str, Raw] = {}
        for event in events:
            said, inside = event.payload, event.position >= end.first
            match event.type:
                case "account.erasure_requested.v1":
                    request = event
                case "account.erasure_withdrawn.v1":
                    request = None
                case "account.hold_placed.v1":
                    holds[said["hold_id"]] = event
                    if request and inside:
                        to["erasures.voided"].append(event.position)
                    request = None
                case "account.hold_released.v1":
                    holds.pop(said["hold_id"])
                case "account.person_erased.v1" if inside:
                    took = said["erased_at"] - request.payload["requested_at"] if request else 0
                    waited.append((took // _DAY, -event.position))
                    keys += len(said.get("keys", ()))
                    asked = said.get("requested_by")
                    for name, applies in (
                        ("keys_destroyed", said.get("keys")),
                        ("keys_not_recorded", not said.get("keys")),
                        ("late", took > 30 * _DAY),
                        ("two_persons", asked and asked != said.get("operator", "")),
                        ("during_hold", _in_force(holds, said["erased_at"])),
                    ):
                        if applies:
                            to["erasures." + name].append(event.position)
                    request, holds = None, {}
        if request:
            to["erasures.waiting"].append(request.position)
            if request.payload["due_at"] <= now:
                to["erasures.overdue"].append(request.position)
        for hold in _in_force(holds, now):
            for name, applies in (
                ("holds", True),
                ("holds_without_end", "until" not in hold.payload),
                ("holds_old", now - hold.payload["placed_at"] > 365 * _DAY),
            ):
                if applies:
                    to["erasures." + name].append(hold.position)
    for name in [name for name in to if name.startswith("erasures.")]:
        to[name].sort()
    days, position = max(waited)
    to["erasures.longest"] = [-position]
    found.values.update({"erasures.longest": days, "erasures.keys_destroyed": keys})


def _in_force(holds: dict[str, Raw], now: int) -> list[Raw]:
    return [one for one in holds.values() if one.payload.get("until", now + 1) > now]
