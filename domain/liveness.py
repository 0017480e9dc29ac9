"""Whether a grant is still in force. Redemption, refresh, introspection and userinfo all ask this one function.

Several products had a vulnerability because one of these paths forgot the check (A129, A147).
"""

import msgspec

ACTIVE = "active"
#: The status of a client for a grant made when the client had other names for people (``Client.status_for``).
SUBJECTS_CHANGED = "subjects_changed"


class Liveness(msgspec.Struct, frozen=True):
    """The statuses of the client, the account and the session of a grant, read from the log's own rows in one query.

    Each is ``active``, another status (``disabled``, ``deleted``, ``erased``, ``ended`` …) or None when there is no
    such row. ``needs_…`` say whether the grant depends on an account and a session. ``ended``: why the person's grants,
    including this one, are over (``grant_ending.Endings``).
    """

    client: str | None
    account: str | None = None
    session: str | None = None
    needs_account: bool = False
    needs_session: bool = False
    ended: str = ""


def why_not(liveness: Liveness) -> str:
    """Why the grant is no longer in force, as a word for the log; empty when it is."""
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
