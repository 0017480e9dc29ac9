"""What the labels of the metrics say."""

from collections.abc import Mapping
from typing import Final

#: What a label says, for the reference page.
LABELS: Final[Mapping[str, str]] = {
    "algorithm": "the algorithm of the key, such as `ES256`",
    "client_id": "the client, the first 1000 of a process; then `other`",
    "endpoint": "the endpoint as `authrim audit why` names it",
    "error": "the error code of the specification",
    "follower": "the name of the follower, such as `audit_v3`, `outbox`, `tree`, `monitor_v1`",
    "guard": "`single_use` (a `jti` or a nonce that came again), or the endpoint that was asked too often",
    "happened": "of grants: `requested`, `client_credentials`, `redeemed`, `refreshed`, `refused`, `revoked`, "
    "`code_replayed`, `refresh_token_reused`; of sessions: `started`, `reauthenticated`, `ended`",
    "kind": "of tokens: `code`, `access_token`, `refresh_token`, `id_token`; of messages: `webhook`, "
    "`backchannel_logout` and so on; of failures: a word of ours, such as `store_unavailable`, "
    "`input_output` or `unforeseen`",
    "level": "`debug`, `info`, `warning`, `error`, `critical`",
    "listener": "`port` or `mtls_port`",
    "method": "the method of HTTP, `other` for one that no route has; of a sign-in: `password`",
    "outcome": "of requests: `ok` (below 400), `refused` (4xx), `failed` (5xx), `gone`",
    "policy": "the name of the limit, as `RateLimit-Policy` has it ([limits.md](limits.md))",
    "pool": "the pool of connections",
    "process": "`server`, `worker-1` and so on, `background`",
    "python": "the version of Python",
    "reason": "a word of ours: the reason of a refusal, or why a request or a replica was not read; of TLS: OpenSSL's",
    "result": "of appends: `committed`, `conflict`, `overloaded`, `unavailable`, `outcome_unknown`, `failed`; of "
    "attempts: `delivered`, `failed`, `not_tried`, `given_up`",
    "route": "the name of the route in the table of features, such as `token`; `static_authrim` and so on for the "
    "files of pages; `unknown` for other addresses",
    "state": "of connections: `idle`, `busy`; of messages: `waiting`, `dead`; of keys: `published`, `active`, "
    "`retired`",
    "status": "the status code, or `gone`",
    "table": "the name of the table",
    "type": "the type of the event, such as `grant.code_issued.v1`",
    "urgency": "`administration`, `sign_in`, `token` or `state` ([limits.md](limits.md))",
    "version": "the version of Authrim",
}
