# ruff: noqa: S608 - the names in these texts are constants
"""The auditor's queries for both engines. Each reads by an index that is named here: a search a bounded number of rows,
the others the rows of one person, session or error.

The database does not choose how to search. The rows are found by one condition, the ``lead``, in the order of their
positions, and the other conditions are checked on the rows found. So no combination of conditions reads the whole
table in one query: a query reads at most ``MOST_READ`` rows, and says how far it came. On PostgreSQL that takes a plan
for the very value: for any value, it may read the log by position until enough rows of the value have come, and that is
all of it when there are few.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from authrim.store.contract import StoredEvent
from authrim.store.read_back import AuditPage
from domain.event import tag_of
from domain.grant.events import SubjectAuthenticated
from domain.person.session_events import SessionStarted
from projections.audit import TABLE

#: The most rows of ``audit`` that one query looks at.
MOST_READ: Final = 2000

#: The columns that can be asked for. The one that most narrows the search comes first, and leads it.
CONDITIONS: Final = (
    "error_id",
    "token_id",
    "stream",
    "trace",
    "address",
    "session_id",
    "subject",
    "key_id",
    "type",
    "client_id",
    "actor",
)
#: The only actors with an index: what clients and people do is most of the log.
_RARE_ACTORS: Final = ("admin", "system")

#: What happens all the time has no index by type either: some of it is among any rows of the log.
COMMON_TYPES: Final = (
    "grant.authorization_requested.v1",
    "grant.subject_authenticated.v1",
    "grant.code_redeemed.v1",
    "grant.access_token_issued.v1",
    "grant.id_token_issued.v1",
    "grant.refresh_token_rotated.v1",
    "grant.refresh_token_used.v1",
    "grant.client_credentials_granted.v1",
    "session.started.v1",
)

_EVENT: Final = "e.position, e.stream_id, e.version, e.type, e.payload, e.metadata, e.recorded_at, e.leaf"
_RARE: Final = ", ".join(f"'{actor}'" for actor in _RARE_ACTORS)
_COMMON: Final = ", ".join(f"'{one}'" for one in COMMON_TYPES)

#: Events that say whose a stream is. A failed sign-in does not: another person may sign in after it.
_OWNING: Final = ", ".join(f"'{tag_of(event)}'" for event in (SubjectAuthenticated, SessionStarted))

SEARCH_PARAMETERS: Final = ("tenant", *CONDITIONS, "after", "until", "most", "limit")
HISTORY_PARAMETERS: Final = ("tenant", "value", "after", "until", "limit")
STREAMS_PARAMETERS: Final = ("tenant", "subject", "first", "before", "after", "limit")

#: How a parameter is written, by its name: ``$1::TEXT`` or ``:tenant``.
Marks = Mapping[str, str]


def marks_of_postgres(
    parameters: Sequence[str], numbers: Sequence[str] = ("after", "until", "most", "limit")
) -> Marks:
    """Numbered and typed: PostgreSQL cannot tell the type of a parameter that is only compared with NULL."""
    return {
        name: f"${number}::{'BIGINT' if name in numbers else 'TEXT'}"
        for number, name in enumerate(parameters, start=1)
    }


def marks_of_sqlite(parameters: Sequence[str]) -> Marks:
    """By name."""
    return {name: f":{name}" for name in parameters}


def lead_of(values: Mapping[str, str]) -> str:
    """The condition that leads a search; empty when nothing narrows it, and the log itself is read."""
    for name in CONDITIONS:
        if name in values and _has_index(name, values[name]):
            return name
    return ""


def _has_index(name: str, value: str) -> bool:
    if name == "type":
        return value not in COMMON_TYPES
    return name != "actor" or value in _RARE_ACTORS


def arguments(values: Mapping[str, str], tenant: str, after: int, until: int, limit: int) -> dict[str, Any]:
    """The parameters of a search, in the order of ``SEARCH_PARAMETERS``."""
    asked = {name: values.get(name) for name in CONDITIONS}
    return {"tenant": tenant, **asked, "after": after, "until": until, "most": MOST_READ, "limit": limit}


def page_of(rows: Sequence[Any], until: int, limit: int) -> AuditPage:
    """The answer of a search, from its rows."""
    number, last, *_ = rows[0]
    events = [StoredEvent(*row[2:]) for row in rows if row[2] is not None]
    if len(events) == limit:
        return AuditPage(events, events[-1].position, done=events[-1].position >= until)
    done = number < MOST_READ
    return AuditPage(events, until if done else last, done)


def search(lead: str, marks: Marks) -> str:
    """The events for which all conditions hold. The first two columns of each row say how many rows were looked at
    and the position of the last; when none of them fits there is one row without an event."""
    fits = " AND ".join(f"({marks[name]} IS NULL OR c.{name} = {marks[name]})" for name in CONDITIONS)
    return f"""
    WITH candidates AS MATERIALIZED ({_candidates(lead, marks)})
    SELECT looked.number, looked.last, {_EVENT}
    FROM (SELECT count(*) AS number, coalesce(max(position), 0) AS last FROM candidates) AS looked
    LEFT JOIN (
        SELECT c.position FROM candidates c WHERE c.tenant = {marks["tenant"]} AND {fits}
        ORDER BY c.position LIMIT {marks["limit"]}
    ) AS found ON TRUE
    LEFT JOIN events e ON e.position = found.position
    ORDER BY e.position
    """


def _candidates(lead: str, marks: Marks) -> str:
    columns = ", ".join(f"a.{column}" for column in ("position", "tenant", *CONDITIONS))
    within = f"a.position > {marks['after']} AND a.position <= {marks['until']}"
    ordered = f"ORDER BY a.position LIMIT {marks['most']}"
    if lead == "stream":  # the log has its own index of streams
        return f"""
        SELECT {columns} FROM events s JOIN audit a ON a.position = s.position
        WHERE s.stream_id = {marks["stream"]} AND s.position > {marks["after"]} AND s.position <= {marks["until"]}
        ORDER BY s.version LIMIT {marks["most"]}
        """
    narrows = {
        "": "",
        "error_id": f"a.error_id = {marks['error_id']} AND",
        "trace": f"a.trace = {marks['trace']} AND",
        "type": f"a.tenant = {marks['tenant']} AND a.type = {marks['type']} AND a.type NOT IN ({_COMMON}) AND",
        "actor": f"a.tenant = {marks['tenant']} AND a.actor = {marks['actor']} AND a.actor IN ({_RARE}) AND",
    }
    of_tenant = f"a.tenant = {marks['tenant']} AND a.{lead} = {marks.get(lead, '')} AND"
    return f"SELECT {columns} FROM audit a WHERE {narrows.get(lead, of_tenant)} {within} {ordered}"


def history(column: str, marks: Marks, *, lateral: bool) -> str:
    """The events that name a person or a session (``column``), and those of its streams that name none.

    A stream belongs to the one that its sign-ins name. Where they name several, only what names this one is told.
    Nothing after ``until`` is read: what the index does not have yet would seem to name nobody.
    """
    own = f"""
        SELECT DISTINCT o.stream FROM audit o
        WHERE o.tenant = {marks["tenant"]} AND o.{column} = {marks["value"]} AND o.type IN ({_OWNING})
          AND NOT EXISTS (
            SELECT 1 FROM events y JOIN audit x ON x.position = y.position
            WHERE y.stream_id = o.stream AND x.type IN ({_OWNING}) AND x.{column} <> {marks["value"]})
    """
    if lateral:
        unnamed = f"""
        SELECT u.position FROM own CROSS JOIN LATERAL (
            SELECT s.position FROM events s LEFT JOIN audit a ON a.position = s.position
            WHERE s.stream_id = own.stream AND s.position > {marks["after"]} AND s.position <= {marks["until"]}
              AND a.{column} IS NULL
            ORDER BY s.version LIMIT {marks["limit"]}
        ) AS u
        """
    else:  # the plus keeps SQLite from reading the log by position
        unnamed = f"""
        SELECT s.position FROM own CROSS JOIN events s ON s.stream_id = own.stream
        LEFT JOIN audit a ON a.position = s.position
        WHERE +s.position > {marks["after"]} AND +s.position <= {marks["until"]} AND a.{column} IS NULL
        """
    return f"""
    WITH own AS MATERIALIZED ({own}), named AS MATERIALIZED (
        SELECT a.position FROM audit a
        WHERE a.tenant = {marks["tenant"]} AND a.{column} = {marks["value"]}
          AND a.position > {marks["after"]} AND a.position <= {marks["until"]}
        ORDER BY a.position LIMIT {marks["limit"]}
    ), unnamed AS MATERIALIZED ({unnamed}), found AS MATERIALIZED (
        SELECT position FROM named UNION SELECT position FROM unnamed
        ORDER BY position LIMIT {marks["limit"]}
    )
    SELECT {_EVENT} FROM found JOIN events e ON e.position = found.position ORDER BY e.position
    """


def streams_of(marks: Marks, *, by_bytes: str) -> str:
    """The names of the streams, between two names, in which a person signed in. ``by_bytes``: how text is compared by
    its bytes."""
    return f"""
    SELECT DISTINCT stream {by_bytes} AS stream FROM audit
    WHERE tenant = {marks["tenant"]} AND subject = {marks["subject"]} AND type IN ({_OWNING})
      AND stream {by_bytes} >= {marks["first"]} AND stream {by_bytes} < {marks["before"]}
      AND stream {by_bytes} > {marks["after"]}
    ORDER BY 1 LIMIT {marks["limit"]}
    """


def by_error(mark: str) -> str:
    """The rows of an error id, in the log's order."""
    return f"SELECT {', '.join(TABLE.columns)} FROM audit WHERE error_id = {mark} ORDER BY position"
