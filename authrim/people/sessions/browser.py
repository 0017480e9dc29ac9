"""Who is signed in with this browser, as far as the log knows."""

import msgspec
from aiohttp import web

from authrim.core.call import Call
from authrim.core.parts import Core
from authrim.crypto.ids import constant_time_equal, digest
from authrim.store import codec
from authrim.web.cookies import session_cookie
from domain.authorization.steps import Browser
from domain.client.client import Client
from domain.liveness import ACTIVE
from domain.person.account import Account
from domain.person.session import Session, fold
from domain.stream import SESSION, account_stream, session_stream
from domain.units import MICROSECONDS
from projections.tables import row_key


class BrowserSession(msgspec.Struct, frozen=True):
    """The browser's live session, and the versions at which session and account were read."""

    browser: Browser
    expects: tuple[tuple[str, int], ...]
    now: int
    session_version: int


async def signed_in_browser(request: web.Request, call: Call, client: Client) -> BrowserSession | None:
    """The session that the cookie proves, with the account's standing consent for the client; or None."""
    cookie = session_cookie(request)
    if cookie is None:
        return None
    found = await call.core.store.find("session", row_key(call.tenant, cookie.session_id))
    if found.row is None:
        return None
    row, now = found.row, found.now // MICROSECONDS
    session = msgspec.json.decode(row["document"], type=Session)
    if not session.is_live(now) or not constant_time_equal(digest(cookie.secret), session.secret_hash):
        return None
    account = (
        msgspec.json.decode(row["account_document"], type=Account) if row["account_document"] else Account()
    )
    if session.auth_time < (account.password_set_at or 0):
        return None  # a new password ends the sessions of the old one, in the same moment (A188)
    return BrowserSession(
        browser=Browser(
            session_id=cookie.session_id,
            session=session,
            account_active=row["account_status"] == ACTIVE,
            remembered_scope=account.remembered_scope(client.client_id, client.generation),
            account_epoch=account.endings.epoch,
            remembered_claims=account.remembered_claims(client.client_id, client.generation),
        ),
        expects=(
            (session_stream(call.tenant, cookie.session_id), row["version"]),
            (account_stream(call.tenant, session.subject), row["account_version"] or 0),
        ),
        now=now,
        session_version=row["version"],
    )


async def read_account(core: Core, tenant: str, subject: str) -> tuple[Account, int]:
    """An account's state and version; the empty state and 0 when there is none."""
    found = await core.store.find("account", row_key(tenant, subject))
    if found.row is None:
        return Account(), 0
    return msgspec.json.decode(found.row["document"], type=Account), found.row["version"]


async def read_session(core: Core, tenant: str, session_id: str) -> tuple[Session, int]:
    """A session's state and version, from its stream when its row has left (authrim/core/retention.py); the empty
    state and 0 when there is none."""
    found = await core.store.find("session", row_key(tenant, session_id))
    if found.row is None:
        read = await core.store.read_stream(session_stream(tenant, session_id))
        return fold(codec.decode_stream(SESSION, read)), read.version
    return msgspec.json.decode(found.row["document"], type=Session), found.row["version"]
