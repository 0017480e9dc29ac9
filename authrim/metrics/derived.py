"""Counters that follow from the events: what was counted by type, under the names that people look for.

They are computed when somebody asks, so an append counts each of its events once.
"""

from collections.abc import Mapping
from typing import Final

from authrim.metrics.catalogue import EVENTS, GRANTS, SESSIONS, TOKENS
from authrim.metrics.declaration import Counter

#: The types of events behind each series.
DERIVED: Final[Mapping[Counter, Mapping[str, tuple[str, ...]]]] = {
    TOKENS: {
        "code": ("grant.code_issued.v1",),
        "access_token": ("grant.access_token_issued.v1",),
        "refresh_token": ("grant.refresh_token_issued.v1", "grant.refresh_token_rotated.v1"),
        "id_token": ("grant.id_token_issued.v1",),
    },
    GRANTS: {
        "requested": ("grant.authorization_requested.v1",),
        "client_credentials": ("grant.client_credentials_granted.v1",),
        "redeemed": ("grant.code_redeemed.v1",),
        "refreshed": (
            "grant.refresh_token_rotated.v1",
            "grant.refresh_token_used.v1",
            "grant.refresh_token_repeated.v1",
        ),
        "refused": ("grant.authorization_refused.v1",),
        "revoked": ("grant.revoked.v1",),
        "code_replayed": ("grant.code_replayed.v1",),
        "refresh_token_reused": ("grant.refresh_token_reused.v1",),
    },
    SESSIONS: {
        "started": ("session.started.v1",),
        "reauthenticated": ("session.reauthenticated.v1",),
        "ended": ("session.ended.v1",),
    },
}
#: The kind of token that an event issues.
ISSUES: Final[Mapping[str, str]] = {tag: kind for kind, tags in DERIVED[TOKENS].items() for tag in tags}


def derive() -> None:
    """Compute them from the events that were counted so far."""
    for counter, by_label in DERIVED.items():
        for label, types in by_label.items():
            counter.series[(label,)] = sum(EVENTS.series.get((one,), 0) for one in types)
