"""Is it still allowed? One function that redemption, refresh, introspection and userinfo all ask.

Products have had more than one weakness because a sibling path forgot this check (A129, A147).
"""

import msgspec

ACTIVE = "active"
#: The status of a client for a grant made when the client had other names for people (``Client.status_for``).
SUBJECTS_CHANGED = "subjects_changed"


class Liveness(msgspec.Struct, frozen=True):
    """The standing of what a grant hangs on, read from the log's own rows in one query.

    Each is ``active``, another status (``disabled``, ``deleted``, ``erased``, ``ended`` …) or None when there is
    no such row. ``needs_…`` say which of them the grant hangs on. ``ended``: why the person's grants are over, this one
    among them (``grant_ending.Endings``).
    """

    client: str | None
    account: str | None = None
    session: str | None = None
    needs_account: bool = False
    needs_session: bool = False
    ended: str = ""


def why_not(liveness: Liveness) -> str:
    """Why nothing may be done with the grant any more, as a word for the log; empty when all is well."""
    if liveness.client == SUBJECTS_CHANGED:
        return SUBJECTS_CHANGED
    if liveness.client != ACTIVE:
        return "client_not_active"
    if liveness.needs_account and liveness.account != ACTIVE:
        return "account_not_active"
    if liveness.ended:
        return liveness.ended
    if liveness.needs_session and liveness.session != ACTIVE:
        return "session_ended"
    return ""
