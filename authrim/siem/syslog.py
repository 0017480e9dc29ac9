"""Syslog (RFC 5424) in frames for TLS (RFC 5425): one message for one record.

The message is the record's line of JSON, which is ASCII, so it needs no byte order mark and nothing in it can end the
frame or begin another header (A226).
"""

from typing import Final

from authrim.audit.ocsf.records import Record, json_line, severity_of
from authrim.audit.timeline import time_of
from authrim.store.contract import StoredEvent

#: Facility 13, "log audit" (RFC 5424 §6.2.1), and syslog's severity for each of OCSF's.
_FACILITY: Final = 13
_SEVERITIES: Final = {1: 6, 2: 5, 3: 4, 4: 3}
_APP_NAME: Final = "authrim"
_NIL: Final = "-"
#: The most characters of a MSGID and of a HOSTNAME (§6).
_LONGEST_ID: Final = 32
_LONGEST_HOST: Final = 255


def frame(stored: StoredEvent, record: Record, host: str) -> bytes:
    """MSG-LEN SP SYSLOG-MSG (RFC 5425 §4.3). ``host`` is the host of the issuer."""
    message = b"%b %b" % (_header(stored, record, host).encode("ascii"), json_line(record))
    return b"%d %b" % (len(message), message)


def _header(stored: StoredEvent, record: Record, host: str) -> str:
    priority = _FACILITY * 8 + _SEVERITIES[severity_of(record)]
    fields = (
        time_of(stored.recorded_at),
        _printable(host, _LONGEST_HOST),
        _APP_NAME,
        _NIL,
        _printable(stored.type, _LONGEST_ID),
        _NIL,
    )
    return f"<{priority}>1 {' '.join(fields)}"


def _printable(text: str, most: int) -> str:
    """PRINTUSASCII, which has no space (§6)."""
    return "".join(character for character in text if "!" <= character <= "~")[:most] or _NIL
