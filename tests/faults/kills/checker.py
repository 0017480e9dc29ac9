"""What must hold of guard rows, sealed rows and messages when servers have died, beside the rules of a history."""

from collections.abc import Collection, Iterator, Mapping, Set
from typing import Final

from tests.faults.history.checker import Violation
from tests.faults.history.log import Log

#: The types of events that webhooks are told of.
TOLD_OF: Final = ("grant.revoked.v1", "grant.code_redeemed.v1", "grant.access_token_revoked.v1")
#: Events after which a request has no private data any more.
_ANSWERED: Final = (
    "grant.code_issued.v1", "grant.authorization_answered.v1", "grant.authorization_refused.v1",
)  # fmt: skip


def proofs(log: Log, again: Mapping[str, bool]) -> Iterator[Violation]:
    """One token of one proof, whoever was told of it: the guard row is durable before the event. ``again``: whether a
    proof that nobody was answered for has worked later, by the thumbprint of its key."""
    tokens: dict[str, int] = {}
    for event in log.events:
        if event.type == "grant.access_token_issued.v1" and (jkt := event.payload.get("jkt")):
            tokens[jkt] = tokens.get(jkt, 0) + 1
    for jkt, count in tokens.items():
        if count > 1:
            yield Violation("a_proof_is_used_once", jkt, f"{count} tokens were issued for it")
    for jkt, worked in again.items():
        if worked and jkt not in tokens:
            yield Violation("what_was_answered_is_in_the_log", jkt, "no event issued the token of a proof")


def sealed_rows(log: Log, sealed: Set[str]) -> Iterator[Violation]:
    """A request that is open has its private data, one that was answered has none, and no row is without its event."""
    open_ = {
        stream
        for stream, grant in log.grants.items()
        if grant.events[0].payload.get("private_digest") and not grant.of(*_ANSWERED) and grant.end is None
    }
    owners = {
        f"{tenant}:grant:{owner}"
        for tenant, kind, owner, _name in (key.split(":", 3) for key in sealed)
        if kind == "grant"
    }
    for stream in open_ - owners:
        yield Violation("sealed_rows_agree", stream, "the request is open, and its private data is not there")
    for stream in owners - open_:
        yield Violation("sealed_rows_agree", stream, "there is private data of it, and no open request")
    for stream in owners & open_:
        for name in ("key", "request"):
            if f"{stream}:{name}" not in sealed:
                yield Violation("sealed_rows_agree", stream, f"half of it: no row {name!r}")


def messages(log: Log, told: Collection[str], webhooks: int) -> Iterator[Violation]:
    """Each webhook is told of each event at least once, under one name, and of nothing else. ``told``: the names."""
    wanted = webhooks * sum(event.type in TOLD_OF for event in log.events)
    if len(set(told)) != wanted:
        yield Violation("each_event_is_told", "webhooks", f"{len(set(told))} messages where {wanted} are due")
