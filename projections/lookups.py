"""The named look-ups of the read path: one row by one text key, with the statuses that it depends on.

Each SELECT takes the keys as ``{keys}`` and returns a column ``lookup_key``. The same text is used by both databases:
``{keys}`` becomes ``= ANY($1)`` or ``IN (SELECT value FROM json_each(?))``.
"""

from typing import Final

#: An access token by ``key``, and the statuses of its client, its account and its session.
_BY_KEY: Final = """
        SELECT {key} AS lookup_key, t.tenant, t.grant_id, t.client_id, t.subject, t.session_id, t.document,
               t.expires_at, t.revoked_at, c.status AS client_status, a.status AS account_status,
               a.document AS account_document, s.status AS session_status
        FROM tokens t
        LEFT JOIN clients c ON c.key = t.tenant || ':' || t.client_id
        LEFT JOIN accounts a ON a.key = t.tenant || ':' || t.subject
        LEFT JOIN sessions s ON s.key = t.tenant || ':' || t.session_id
        WHERE {holds} {key} {keys}
"""


def _token_by(key: str, holds: str = "") -> str:
    """``holds``: a condition that an index of the key has."""
    return _BY_KEY.replace("{key}", key).replace("{holds}", holds)


LOOKUPS: Final[dict[str, str]] = {
    "token": _token_by("t.key"),
    # One that is encrypted to its resource server: by the digest of what was sent.
    "encrypted_token": _token_by("t.tenant || ':' || t.sent_hash", "t.sent_hash IS NOT NULL AND"),
    # A browser session with the account it belongs to.
    "session": """
        SELECT s.key AS lookup_key, s.session_id, s.subject, s.status, s.document, s.version, s.expires_at,
               a.status AS account_status, a.document AS account_document, a.version AS account_version
        FROM sessions s
        LEFT JOIN accounts a ON a.key = s.tenant || ':' || s.subject
        WHERE s.key {keys}
    """,
    # Whether any token depends on a session.
    "session_token": """
        SELECT DISTINCT t.tenant || ':' || t.session_id AS lookup_key FROM tokens t
        WHERE t.session_id IS NOT NULL AND t.tenant || ':' || t.session_id {keys}
    """,
    "account": "SELECT key AS lookup_key, subject, status, document, version FROM accounts WHERE key {keys}",
    "client": "SELECT key AS lookup_key, client_id, status, document, version FROM clients WHERE key {keys}",
    "login": "SELECT key AS lookup_key, subject FROM logins WHERE key {keys}",
    "sealed": "SELECT key AS lookup_key, ciphertext FROM sealed WHERE key {keys}",
}
