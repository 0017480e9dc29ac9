"""One event of the log as one OCSF record, and the record as a line of JSON.

The event itself is in ``unmapped``, without its digests. The line is ASCII: what could steer a terminal or a parser is
escaped (A226). Texts have at most 1,024 characters, a line at most 8,192 bytes: what is longer leaves ``unmapped`` and
is marked in ``metadata.is_truncated``.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from authrim import __version__
from authrim.audit.ocsf import _classes as classes
from authrim.audit.ocsf._classes import Meaning, meaning_of
from authrim.audit.timeline import Line, line_of
from authrim.store.contract import StoredEvent
from domain import stream as streams
from domain.stream import StreamId

#: The version of the schema that records follow.
OCSF_VERSION: Final = "1.8.0"
MOST_CHARACTERS: Final = 1024
MOST_BYTES: Final = 8192
_MOST_ITEMS: Final = 64
_MILLISECOND: Final = 1000
_DIGESTS: Final = ("_hash", "_digest", "_jwk", "jkt", "x5t_s256")
_SUCCESS: Final = (1, "Success")
_FAILURE: Final = (2, "Failure")
#: ``logon_type_id``, ``auth_protocol_id`` and ``type_id`` of users.
_NETWORK: Final = (3, "Network")
_OPENID: Final = (4, "OpenID")
_OAUTH: Final = (6, "OAUTH 2.0")
_PERSON: Final = (1, "User")
_SERVICE: Final = (3, "System")
_UNKNOWN: Final = (0, "Unknown")

Record = dict[str, Any]


def record_of(stored: StoredEvent, issuer: str) -> Record | None:
    """The record of an event; None for one of another application, and for one that this version cannot read."""
    line, event = line_of(stored)
    if event is None:
        return None
    stream, meaning = streams.parse(line.stream), meaning_of(line.type)
    record = _common(line, stream, meaning, issuer)
    record |= _SPECIFIC[meaning.ocsf_class.uid](line, stream, meaning, issuer)
    return {name: value for name, value in record.items() if value not in (None, "", [], {})}


def json_line(record: Record) -> bytes:
    """The record as one line of ASCII, without its end."""
    line = _ascii(_bounded(record))
    if len(line) > MOST_BYTES:
        unmapped = {name: value for name, value in record["unmapped"].items() if name != "fields"}
        metadata = record["metadata"] | {"is_truncated": True, "untruncated_size": len(line)}
        line = _ascii(_bounded(record | {"unmapped": unmapped, "metadata": metadata}))
    return line


def severity_of(record: Record) -> int:
    """The ``severity_id`` of a record."""
    severity: int = record["severity_id"]
    return severity


def _common(line: Line, stream: StreamId, meaning: Meaning, issuer: str) -> Record:
    ocsf_class, activity, milliseconds = (
        meaning.ocsf_class,
        meaning.activity,
        line.recorded_at // _MILLISECOND,
    )
    status_id, status = _FAILURE if meaning.failed else _SUCCESS
    fields = {name: value for name, value in line.fields.items() if not name.endswith(_DIGESTS)}
    return {
        "activity_id": activity,
        "activity_name": meaning.other if activity == classes.OTHER else ocsf_class.activities[activity],
        "actor": _actor(line),
        "category_name": ocsf_class.category,
        "category_uid": ocsf_class.category_uid,
        "class_name": ocsf_class.name,
        "class_uid": ocsf_class.uid,
        "message": line.what,
        "metadata": {
            "correlation_uid": line.metadata.trace or str(stream),
            "event_code": line.type,
            **({"labels": ["alert"]} if meaning.alert else {}),
            "log_name": "events",
            "log_provider": issuer,
            "logged_time": milliseconds,
            "product": {"name": "Authrim", "vendor_name": "Authrim", "version": __version__},
            "sequence": line.position,
            "tenant_uid": stream.tenant,
            "uid": f"{issuer}#{line.position}",
            "version": OCSF_VERSION,
        },
        "severity": classes.SEVERITIES[meaning.severity],
        "severity_id": meaning.severity,
        "src_endpoint": {"uid": line.metadata.address} if line.metadata.address else None,
        "status": status,
        "status_detail": line.fields.get("reason") or line.fields.get("error"),
        "status_id": status_id,
        "time": milliseconds,
        "type_name": f"{ocsf_class.name}: {ocsf_class.activities.get(activity, 'Other')}",
        "type_uid": ocsf_class.uid * 100 + activity,
        "unmapped": {"stream": line.stream, "version": line.version, "fields": fields},
    }


def _actor(line: Line) -> Record:
    """Who acted: an administrator (``invoked_by``), the server itself, or a client and a person."""
    metadata = line.metadata
    if metadata.actor in ("admin", "system"):
        return {"invoked_by": f"{metadata.actor} {metadata.operator}".strip()}
    actor: Record = {"app_uid": metadata.client_id} if metadata.client_id else {}
    if metadata.subject:
        actor["user"] = _user(metadata.subject)
    return actor or {"invoked_by": metadata.actor or "a request"}


def _user(uid: str | None, kind: tuple[int, str] = _PERSON) -> Record:
    """A person by the pseudonym of the log, or a client."""
    type_id, name = kind if uid else _UNKNOWN
    return {"uid": uid or "unknown", "type_id": type_id, "type": name}


def _subject(line: Line, stream: StreamId) -> Record:
    """Whom the event concerns: a person, or the client where there is none."""
    if stream.kind == streams.ACCOUNT:
        return _user(stream.id)
    subject = line.fields.get("subject") or line.metadata.subject
    client = line.fields.get("client_id") or line.metadata.client_id
    return _user(subject) if subject or not client else _user(client, _SERVICE)


def _account_change(line: Line, stream: StreamId, meaning: Meaning, issuer: str) -> Record:  # noqa: ARG001
    return {"user": _subject(line, stream)}


def _authentication(line: Line, stream: StreamId, meaning: Meaning, issuer: str) -> Record:  # noqa: ARG001
    of_client = line.type.startswith("grant.client_credentials")
    protocol_id, protocol = _OAUTH if of_client else _OPENID
    session_id = stream.id if stream.kind == streams.SESSION else line.fields.get("session_id")
    amr = line.fields.get("amr")
    return {
        "auth_protocol": protocol,
        "auth_protocol_id": protocol_id,
        "is_mfa": None if amr is None else "mfa" in amr,
        "is_remote": True,
        "logon_type": _NETWORK[1],
        "logon_type_id": _NETWORK[0],
        "service": {"name": "Authrim", "uid": issuer},
        "session": {"uid": session_id, "issuer": issuer} if session_id else None,
        "user": _user(line.fields["client_id"], _SERVICE) if of_client else _subject(line, stream),
    }


def _authorize_session(line: Line, stream: StreamId, meaning: Meaning, issuer: str) -> Record:  # noqa: ARG001
    session_id = line.fields.get("session_id")
    return {
        "privileges": _privileges(line),
        "session": {"uid": session_id, "issuer": issuer} if session_id else None,
        "user": _subject(line, stream),
    }


def _user_access(line: Line, stream: StreamId, meaning: Meaning, issuer: str) -> Record:  # noqa: ARG001
    client = line.fields.get("client_id") or line.metadata.client_id
    return {
        "privileges": _privileges(line, stream.id if stream.kind == streams.ROLE else ""),
        "resources": [{"uid": client, "type": "OAuth client"}] if client else None,
        "user": _subject(line, stream),
    }


def _entity_management(line: Line, stream: StreamId, meaning: Meaning, issuer: str) -> Record:  # noqa: ARG001
    return {"entity": {"uid": stream.id, "type": stream.kind, "type_id": classes.OTHER}}


def _api_activity(line: Line, stream: StreamId, meaning: Meaning, issuer: str) -> Record:  # noqa: ARG001
    response = {"error": line.fields.get("error"), "code": line.fields.get("status")}
    known = {name: value for name, value in response.items() if value is not None}
    return {
        "api": {
            "operation": line.fields.get("endpoint") or line.type,
            "service": {"name": "Authrim", "uid": issuer},
            **({"response": known} if known else {}),
        },
        "src_endpoint": {"uid": line.metadata.address or "unknown"},
    }


def _privileges(line: Line, role: str = "") -> list[str]:
    """What somebody may do by it: a role, scope values, or everything that the token or the client could."""
    scope = line.fields.get("scope") or line.fields.get("audience")
    return [role] if role else list(scope) if scope else ["all of it"]


_Specific = Callable[[Line, StreamId, Meaning, str], Record]
#: What a class has beside what all have, by its number.
_SPECIFIC: Final[Mapping[int, _Specific]] = {
    classes.ACCOUNT_CHANGE.uid: _account_change,
    classes.AUTHENTICATION.uid: _authentication,
    classes.AUTHORIZE_SESSION.uid: _authorize_session,
    classes.USER_ACCESS.uid: _user_access,
    classes.ENTITY_MANAGEMENT.uid: _entity_management,
    classes.API_ACTIVITY.uid: _api_activity,
}


def _bounded(value: Any) -> Any:
    """A value whose texts and lists are not too long."""
    match value:
        case str():
            return value[:MOST_CHARACTERS]
        case dict():
            return {str(name)[:MOST_CHARACTERS]: _bounded(member) for name, member in value.items()}
        case list() | tuple():
            return [_bounded(member) for member in value[:_MOST_ITEMS]]
        case _:
            return value


def _ascii(record: Record) -> bytes:
    text = json.dumps(record, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("\x7f", "\\u007f").encode("ascii")
