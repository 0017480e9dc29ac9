"""An account and a session as they were.

The log never held people's data, so the past has none. What an erasure takes from an account is not shown of the time
before it either: erased stays erased (A237).
"""

from authrim.audit.past.reading import Past
from authrim.audit.past.view import View, view_of, when
from domain.person import account as accounts
from domain.person import session as sessions
from domain.person.account import ERASED
from domain.person.account_events import PersonErased
from domain.person.session_events import SessionEnded
from domain.stream import ACCOUNT, SESSION, account_stream, session_stream


async def account_state(past: Past, subject: str) -> View | None:
    """The account, or None when there was none yet. Of an erased one only the status, and when it was erased."""
    stream = await past.stream(account_stream(past.tenant, subject))
    if not stream.stored:
        return None
    account = await past.state(account_stream(past.tenant, subject), accounts.fold)
    erased_at = next(
        (event.erased_at for event in await stream.events_until_now() if isinstance(event, PersonErased)),
        None,
    )
    standing = (account.status, "")
    if erased_at is not None:
        withheld = account.status != ERASED
        fields = {"erased_at": when(erased_at), "withheld_since_erasure": withheld}
        return view_of(ACCOUNT, subject, stream, standing, fields, subject)
    return view_of(
        ACCOUNT,
        subject,
        stream,
        standing,
        {
            "password_set_at": when(account.password_set_at),
            "consents": {client: list(scope) for client, scope in account.consents.items()},
            "consent_claims": {client: list(names) for client, names in account.consent_claims.items()},
            "ended_grants": {name: mark.reason for name, mark in account.endings.marks.items()},
            "holds": {name: when(until) or "open" for name, until in account.holds.items()},
            "erasure_due_at": None if account.erasure is None else when(account.erasure.due_at),
        },
        subject,
    )


async def session_state(past: Past, session_id: str) -> View | None:
    """The session, or None when it had not begun."""
    stream = await past.stream(session_stream(past.tenant, session_id))
    if not stream.stored:
        return None
    events = await stream.events()
    session = sessions.fold(events)
    reason = next((event.reason for event in events if isinstance(event, SessionEnded)), "")
    fields = {
        "signed_in_at": when(session.auth_time),
        "expires_at": when(session.expires_at),
        "acr": session.acr,
        "amr": list(session.amr),
        "notified_clients": list(session.notified),
    }
    standing = (sessions.status_at(session, past.now), reason)
    return view_of(SESSION, session_id, stream, standing, fields, session.subject)
