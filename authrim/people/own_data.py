"""All that the server holds about a person, for the person (GDPR Art. 15, 20)."""

import json
from contextlib import aclosing
from typing import Any, Final

import msgspec

from authrim.audit.past.view import when
from authrim.audit.search import history
from authrim.audit.timeline import Line, time_of
from authrim.clients.records import read_client
from authrim.core.paging import rows_of_subject
from authrim.core.sealed_rows import PrivateData
from authrim.people.accounts import read_account, show_account
from authrim.people.grant_list import list_grants
from authrim.people.replaced_claims import replaced_claims
from authrim.people.server_roles import roles_of
from authrim.store.read_back import ReadBack
from domain.errors import Refusal
from domain.person import account as accounts
from domain.person.session import Session, status_at
from projections.tables import SESSION_CLIENTS, SESSIONS, TOKENS, session_client_key

FORMAT: Final = "authrim-personal-data/1"
#: Grants and events read at a time.
_PAGE: Final = 1000
_SIGN_INS: Final = frozenset(
    {"session.started.v1", "session.reauthenticated.v1", "grant.sign_in_failed.v1", "session.ended.v1"}
)
#: Who is under investigation must not learn of it from an export (GDPR Art. 15(4), 23).
_HOLDS: Final = frozenset({"account.hold_placed.v1", "account.hold_released.v1"})


class OwnData(msgspec.Struct, frozen=True):
    """Everything about one person, as plain JSON values; no secret, and nothing of anybody else."""

    account: dict[str, Any]
    claims: dict[str, Any]
    replaced_claims: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    applications: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    tokens: list[dict[str, Any]]
    sign_ins: list[dict[str, Any]]
    events: list[dict[str, Any]]
    position: int

    def __repr__(self) -> str:
        return "OwnData()"


async def read_own_data(
    store: ReadBack, private: PrivateData, tenant: str, subject: str, *, holds_too: bool = False
) -> OwnData | Refusal:
    """Read it all. ``holds_too``: legal holds as well. Raises SealBroken."""
    view = await show_account(store, private, tenant, subject, personal=True)
    if isinstance(view, Refusal):
        return view
    account = await read_account(store, tenant, subject)
    if not account.account.exists:
        return accounts.UNKNOWN
    names = _Names(store, tenant)
    lines, position = await _lines(store, tenant, subject)
    fields = {
        "subject": subject,
        "login": view.login,
        "status": view.status,
        "password_set_at": when(view.password_set_at),
        "server_roles": list(await roles_of(store, tenant, subject)),
        "erasure_due_at": None if view.erasure is None else when(view.erasure.due_at),
    }
    consents = [
        {
            "client_id": client_id,
            "application": await names.of(client_id),
            "scope": list(scope),
            "claims": list(view.consent_claims.get(client_id, ())),
        }
        for client_id, scope in view.consents.items()
    ]
    shown = [line for line in lines if holds_too or not _tells_of_a_hold(line)]
    return OwnData(
        account=fields | ({"holds": dict(view.holds)} if holds_too else {}),
        claims=view.claims or {},
        replaced_claims=await replaced_claims(store, private, tenant, subject) if holds_too else [],
        consents=consents,
        applications=await _applications(store, tenant, subject, names),
        sessions=await _sessions(store, tenant, subject, account.now, names),
        tokens=await _tokens(store, tenant, subject, names),
        sign_ins=[_shown(line) for line in shown if line.type in _SIGN_INS],
        events=[_shown(line) for line in shown],
        position=position,
    )


class _Names:
    """The names of applications by their client id."""

    def __init__(self, store: ReadBack, tenant: str) -> None:
        self._store = store
        self._tenant = tenant
        self._known: dict[str, str] = {}

    async def of(self, client_id: str) -> str:
        if client_id not in self._known:
            client = (await read_client(self._store, self._tenant, client_id)).client
            self._known[client_id] = client.metadata.client_name or client_id
        return self._known[client_id]


async def _lines(store: ReadBack, tenant: str, subject: str) -> tuple[list[Line], int]:
    """The whole history of the person, and the position that it reaches."""
    lines: list[Line] = []
    position, done = 0, False
    while not done:
        page = await history(store, tenant, "subject", subject, position, _PAGE)
        lines += page.lines
        position, done = page.position, page.done
    return lines, position


def _tells_of_a_hold(line: Line) -> bool:
    return line.type in _HOLDS or line.fields.get("conditions", {}).get("holds") == "yes"


def _shown(line: Line) -> dict[str, Any]:
    """An event without who of the staff did what, which is theirs (GDPR Art. 15(4))."""
    return {
        "position": line.position,
        "time": time_of(line.recorded_at),
        "type": line.type,
        "what": line.what,
    }


async def _applications(store: ReadBack, tenant: str, subject: str, names: _Names) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    after = ""
    while page := await list_grants(store, tenant, subject, after, _PAGE, over_too=True):
        for grant in page:
            shown.append(
                {
                    "grant_id": grant.grant_id,
                    "client_id": grant.client_id,
                    "application": await names.of(grant.client_id),
                    "status": grant.status,
                    "scope": list(grant.scope),
                    "began_at": when(grant.began_at),
                    "expires_at": when(grant.expires_at),
                }
            )
        after = page[-1].grant_id
    return shown


async def _sessions(
    store: ReadBack, tenant: str, subject: str, now: int, names: _Names
) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    async with aclosing(rows_of_subject(store, SESSIONS, tenant, subject)) as rows:
        async for row in rows:
            session = msgspec.json.decode(row["document"], type=Session)
            prefix = session_client_key(tenant, row["session_id"], "")
            clients = await store.read_rows(SESSION_CLIENTS.name, prefix, _PAGE)
            of_session = [one["client_id"] for one in clients if one["key"].startswith(prefix)]
            shown.append(
                {
                    "session_id": row["session_id"],
                    "signed_in_at": when(session.auth_time),
                    "expires_at": when(session.expires_at),
                    "status": status_at(session, now),
                    "how": list(session.amr),
                    "applications": [await names.of(one) for one in of_session],
                }
            )
    return shown


async def _tokens(store: ReadBack, tenant: str, subject: str, names: _Names) -> list[dict[str, Any]]:
    """Access tokens that have a row; never what is needed to use one."""
    shown: list[dict[str, Any]] = []
    async with aclosing(rows_of_subject(store, TOKENS, tenant, subject)) as rows:
        async for row in rows:
            issued = json.loads(row["document"])
            shown.append(
                {
                    "grant_id": row["grant_id"],
                    "application": await names.of(row["client_id"]),
                    "scope": issued.get("scope", []),
                    "audience": issued.get("audience", []),
                    "claims": issued.get("claims", []),
                    "issued_at": when(issued.get("issued_at")),
                    "expires_at": when(row["expires_at"]),
                    "revoked_at": when(row["revoked_at"]),
                }
            )
    return shown
