"""Every metric of the server, by subject. What is counted anywhere is declared here, and nowhere else.

Names follow Prometheus' conventions: base units, ``_total`` for what only grows, ``_timestamp_seconds`` for a point in
time.
No label has a value that a stranger chooses. ``docs/operations/metrics.md`` is made of this file.
"""

from collections.abc import Mapping
from typing import Final

from authrim.metrics.declaration import SIZES, Counter, Gauge, Histogram, Metric

_FINE: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# Requests

REQUESTS: Final = Counter(
    "authrim_http_requests_total",
    "Requests that were answered, by the name of the route. `status` is `gone` when the client left before the answer.",
    ("route", "method", "status"),
)
REQUEST_SECONDS: Final = Histogram(
    "authrim_http_request_duration_seconds",
    "From the head of a request to its answer.",
    ("route", "outcome"),
)
REQUESTS_UNANSWERED: Final = Counter(
    "authrim_http_rejected_total",
    "Connections and requests that ended before a route was looked for: too many of them, late, too large, malformed.",
    ("reason",),
)
CONNECTIONS: Final = Gauge("authrim_http_connections", "Open connections of clients and proxies.")
CONNECTIONS_MOST: Final = Gauge(
    "authrim_http_connections_limit", "The most connections at once, 0 where there is no limit."
)

# What was decided

EVENTS: Final = Counter(
    "authrim_events_total",
    "Events that were appended to the log, by type.",
    ("type",),
)
TOKENS: Final = Counter("authrim_tokens_issued_total", "Tokens and codes that were issued.", ("kind",))
GRANTS: Final = Counter("authrim_grants_total", "What happened to grants.", ("happened",))
SIGN_INS: Final = Counter(
    "authrim_sign_ins_total",
    "Passwords that were entered. `outcome` is `accepted`, or the reason of the refusal.",
    ("method", "outcome"),
    begins=[("password", "accepted")],
)
SESSIONS: Final = Counter(
    "authrim_sessions_total", "Sessions of browsers that began and ended.", ("happened",)
)
REFUSALS: Final = Counter(
    "authrim_refusals_total",
    "Refusals, with the error code that the client was told and the reason that is only in the log.",
    ("endpoint", "error", "reason"),
)
GUARD_HITS: Final = Counter(
    "authrim_guard_hits_total",
    "What a guard stopped: a value that may be used once and came again, or one attempt too many.",
    ("guard",),
    begins=[("single_use",)],
)
RATE_LIMITED: Final = Counter(
    "authrim_rate_limit_refusals_total",
    "Requests that were refused with 429 because a client, an account or an address had used up its minute.",
    ("policy",),
)
RATE_SHARES: Final = Counter(
    "authrim_rate_limit_shares_total",
    "Shares of a budget of requests that the process asked the database for.",
    ("policy",),
)
OVERLOAD: Final = Counter(
    "authrim_overload_refusals_total",
    "Requests that were refused because a process had more to do than it could, by how urgent they were.",
    ("urgency",),
    begins=[("administration",), ("sign_in",), ("token",), ("state",)],
)
CLIENT_TOKENS: Final = Counter(
    "authrim_client_tokens_issued_total",
    "Tokens and codes by client. Only with the setting `metrics_client_ids`.",
    ("client_id", "kind"),
)
CLIENT_REFUSALS: Final = Counter(
    "authrim_client_refusals_total",
    "Refusals by client, if the client is known. Only with the setting `metrics_client_ids`.",
    ("client_id", "error"),
)

# The log: appends

APPENDS: Final = Counter(
    "authrim_appends_total",
    "Appends by what became of them.",
    ("result",),
    begins=[
        (one,) for one in ("committed", "conflict", "overloaded", "unavailable", "outcome_unknown", "failed")
    ],
)
APPEND_BATCH: Final = Histogram(
    "authrim_append_batch_size", "Appends that were committed together.", bounds=SIZES
)
APPEND_WAIT: Final = Histogram(
    "authrim_append_wait_seconds", "From the call of an append until its batch was sent.", bounds=_FINE
)
APPEND_COMMIT: Final = Histogram(
    "authrim_append_commit_seconds", "How long the database took for a batch, up to its commit.", bounds=_FINE
)
APPENDS_WAITING: Final = Gauge("authrim_append_queue_depth", "Appends that wait for a batch.")
APPENDS_WAITING_MOST: Final = Gauge(
    "authrim_append_queue_limit",
    "The most appends that may wait (`append_queue_limit`), of all processes together.",
)

# The database

DATABASE_UP: Final = Gauge(
    "authrim_database_up",
    "1 if the log could be read when the page was asked for, else 0.",
    together="page",
)
DATABASE_SKEW: Final = Gauge(
    "authrim_database_clock_skew_seconds",
    "How far the database's clock is ahead of this machine's.",
    together="page",
)
DATABASE_CALLS: Final = Histogram(
    "authrim_database_call_duration_seconds",
    "Calls of the database beside appends, with the time that they waited for a connection. `pool` is `reads` on "
    "PostgreSQL, and the name of the thread on SQLite.",
    ("pool",),
    bounds=_FINE,
)
DATABASE_FAILURES: Final = Counter(
    "authrim_database_failures_total",
    "Calls that failed because the database could not, by the kind of error.",
    ("kind",),
)
FENCED: Final = Counter(
    "authrim_database_fenced_total",
    "What was refused after a failover: `old_primary` that came back, `no_standby` that a commit waits for, "
    "`log_differs` where the log lacks what was known of it.",
    ("reason",),
    begins=[("old_primary",), ("no_standby",), ("log_differs",)],
)
REPLICA_LAG: Final = Gauge(
    "authrim_replica_lag_seconds",
    "The age of the oldest event that cannot be read at the replica yet. Missing where the replica cannot be read.",
    together="page",
)
REPLICA_BEHIND: Final = Gauge(
    "authrim_replica_lag_positions",
    "How many events the replica is behind. Missing where it cannot be read.",
    together="page",
)
REPLICA_FALLBACKS: Final = Counter(
    "authrim_replica_fallbacks_total",
    "Answers that were read from the primary, in whole or in part, although there is a replica: it is `down`, "
    "`not_standby`, has `other_log`, is `behind` the limit, was too `late` for the question or lacked what was asked "
    "for (`absent`), was `lost` meanwhile, or a `conflict` with its recovery ended a statement.",
    ("reason",),
    begins=[
        (one,) for one in ("down", "not_standby", "other_log", "behind", "late", "absent", "lost", "conflict")
    ],
)
POOL: Final = Gauge("authrim_database_connections", "Connections of the pools of PostgreSQL.", ("state",))
POOL_MOST: Final = Gauge("authrim_database_connections_limit", "The most connections of the pools.")
LOG_POSITION: Final = Gauge(
    "authrim_log_position",
    "The position of the newest event: how many events the log has.",
    together="page",
)
TABLE_ROWS: Final = Gauge(
    "authrim_table_rows",
    "Rows of a table, as the database estimates it (PostgreSQL only).",
    ("table",),
    together="page",
)
TABLE_BYTES: Final = Gauge(
    "authrim_table_bytes",
    "Bytes of a table with its indexes (PostgreSQL only).",
    ("table",),
    together="page",
)
DATABASE_BYTES: Final = Gauge("authrim_database_bytes", "Bytes of the whole database.", together="page")

# The background work

FOLLOWER_LAG: Final = Gauge(
    "authrim_follower_lag_seconds",
    "The age of the oldest event that a follower has not come to; 0 at the end of the log.",
    ("follower",),
    together="page",
)
FOLLOWED: Final = Counter(
    "authrim_follower_events_total", "Events that a follower has handled.", ("follower",)
)
FOLLOW_FAILURES: Final = Counter(
    "authrim_follower_failures_total", "Events that a follower could not handle and set apart.", ("follower",)
)
BACKGROUND_FAILURES: Final = Counter(
    "authrim_background_failures_total",
    "Background tasks that ended by an error and were started again.",
    ("kind",),
)
BREACHES: Final = Gauge(
    "authrim_monitor_open_breaches",
    "Breaches of rules that the monitor found in the log and that nobody has acknowledged; 1000 means that or more.",
    together="page",
)
CHECKPOINT_POSITION: Final = Gauge(
    "authrim_checkpoint_position",
    "The position up to which the log is signed by a checkpoint; 0 before the first one.",
    together="page",
)
PRUNED: Final = Counter(
    "authrim_retention_deleted_rows_total", "Rows that had ended and were deleted.", ("table",)
)
OUTBOX: Final = Gauge(
    "authrim_outbox_messages",
    "Messages to others, by kind: those that wait, and those that were given up.",
    ("kind", "state"),
    together="page",
)
OUTBOX_AGE: Final = Gauge(
    "authrim_outbox_oldest_message_seconds",
    "How long the oldest message has been waiting.",
    ("kind",),
    together="page",
)
OUTBOX_ATTEMPTS: Final = Counter(
    "authrim_outbox_attempts_total", "Attempts to deliver a message.", ("kind", "result")
)

# What leaves the process

EGRESS: Final = Counter(
    "authrim_egress_requests_total",
    "Requests to addresses that others chose. `outcome` is `answered`, `crowded`, `cancelled` when nobody waited for "
    "the answer any more, or the reason of the failure.",
    ("method", "outcome"),
)
EGRESS_SECONDS: Final = Histogram(
    "authrim_egress_request_duration_seconds",
    "How long they took, with the time that they waited for a place.",
)
EGRESS_RUNNING: Final = Gauge("authrim_egress_in_progress", "Such requests in progress.")
LOG_LINES: Final = Counter(
    "authrim_log_lines_total", "Log lines that were written.", ("level",), begins=[("warning",), ("error",)]
)

# Passwords

PASSWORD_SECONDS: Final = Histogram(
    "authrim_password_hash_duration_seconds",
    "From the call to the hash of a password, with the time in the queue.",
)
PASSWORDS_HELD: Final = Gauge(
    "authrim_password_pool_in_use", "Passwords that are being hashed or wait for it."
)
PASSWORDS_MOST: Final = Gauge(
    "authrim_password_pool_limit", "The most passwords that may be hashed or wait (`password_queue_limit`)."
)
PASSWORDS_BUSY: Final = Counter(
    "authrim_password_pool_refusals_total", "Passwords that were refused at once because too many waited."
)

# Keys and certificates

KEY_SINCE: Final = Gauge(
    "authrim_signing_key_active_timestamp_seconds",
    "Since when the key that signs now has signed.",
    ("algorithm",),
    together="page",
)
KEYS: Final = Gauge(
    "authrim_key_ring_keys", "Keys by their place in a rotation.", ("algorithm", "state"), together="page"
)
CERTIFICATE_EXPIRY: Final = Gauge(
    "authrim_tls_certificate_expiry_timestamp_seconds",
    "When the certificate of a listener expires, the earliest of all processes.",
    ("listener",),
    together="lowest",
)
TLS_FAILURES: Final = Counter(
    "authrim_tls_failures_total",
    "TLS connections that failed, most of them in the handshake, by OpenSSL's word for why.",
    ("reason",),
)

# Processes

LOOP_LAG: Final = Histogram(
    "authrim_event_loop_lag_seconds",
    "How much later than asked for the event loop came back to a timer, looked at once per second.",
    bounds=_FINE,
)
BUILD: Final = Gauge(
    "authrim_build_info",
    "1, with the version of Authrim and of Python.",
    ("version", "python"),
    together="lowest",
)
PROCESS_STARTED: Final = Gauge(
    "authrim_process_start_timestamp_seconds", "When a process started.", ("process",)
)
PROCESS_SEEN: Final = Gauge(
    "authrim_process_seen_timestamp_seconds",
    "When a process last wrote down what it had counted: once per second while it lives.",
    ("process",),
)
PROCESS_STARTS: Final = Counter(
    "authrim_process_starts_total", "How often a process was started since the server was.", ("process",)
)
PROCESS_CPU: Final = Counter(
    "authrim_process_cpu_seconds_total", "Processor time that a process has used.", ("process",)
)
PROCESS_MEMORY: Final = Gauge(
    "authrim_process_resident_memory_bytes", "Memory that a process holds.", ("process",)
)
PROCESS_FILES: Final = Gauge(
    "authrim_process_open_files", "Files and sockets that a process has open.", ("process",)
)
PROCESS_FILES_MOST: Final = Gauge(
    "authrim_process_open_files_limit", "The most files that a process may have open.", ("process",)
)

# fmt: off
#: All of them, by subject.
SUBJECTS: Final[Mapping[str, tuple[Metric, ...]]] = {
    "Requests": (REQUESTS, REQUEST_SECONDS, REQUESTS_UNANSWERED, CONNECTIONS, CONNECTIONS_MOST),
    "What was decided": (
        EVENTS, TOKENS, GRANTS, SIGN_INS, SESSIONS, REFUSALS, GUARD_HITS, RATE_LIMITED,
        RATE_SHARES, OVERLOAD, CLIENT_TOKENS, CLIENT_REFUSALS,
    ),
    "The log: appends": (APPENDS, APPEND_BATCH, APPEND_WAIT, APPEND_COMMIT, APPENDS_WAITING, APPENDS_WAITING_MOST),
    "The database": (
        DATABASE_UP, DATABASE_SKEW, DATABASE_CALLS, DATABASE_FAILURES, FENCED, REPLICA_LAG, REPLICA_BEHIND,
        REPLICA_FALLBACKS, POOL, POOL_MOST,
        LOG_POSITION, TABLE_ROWS, TABLE_BYTES, DATABASE_BYTES,
    ),
    "The background work": (
        FOLLOWER_LAG, FOLLOWED, FOLLOW_FAILURES, BACKGROUND_FAILURES, BREACHES, CHECKPOINT_POSITION, PRUNED,
        OUTBOX, OUTBOX_AGE, OUTBOX_ATTEMPTS,
    ),
    "What leaves the process": (EGRESS, EGRESS_SECONDS, EGRESS_RUNNING, LOG_LINES),
    "Passwords": (PASSWORD_SECONDS, PASSWORDS_HELD, PASSWORDS_MOST, PASSWORDS_BUSY),
    "Keys and certificates": (KEY_SINCE, KEYS, CERTIFICATE_EXPIRY, TLS_FAILURES),
    "Processes": (
        LOOP_LAG, BUILD, PROCESS_STARTED, PROCESS_SEEN, PROCESS_STARTS, PROCESS_CPU, PROCESS_MEMORY,
        PROCESS_FILES, PROCESS_FILES_MOST,
    ),
}
# fmt: on
METRICS: Final[tuple[Metric, ...]] = tuple(metric for metrics in SUBJECTS.values() for metric in metrics)
