"""Stream ids: ``<tenant>:<kind>:<id>``. Every stream id contains the tenant."""

from typing import Final, NamedTuple

DEFAULT_TENANT = "default"

GRANT = "grant"
CLIENT = "client"
ACCOUNT = "account"
SESSION = "session"
KEY = "key"
REFUSAL = "refusal"
REGISTRATION = "registration"
RESOURCE = "resource"
AUDIT = "audit"
SCOPE = "scope"
CLAIM = "claim"
SETTING = "setting"
ROLE = "role"
LOG = "log"
INCIDENT = "incident"
OUTBOX = "outbox"
WEBHOOK = "webhook"
SIGNAL = "signal"

#: Behind the owner of a signal stream: the stream of what its receiver has got.
DELIVERED = "/delivered"

#: Kinds whose changes every process keeps in memory. The log's head holds the position of the newest change of these
#: kinds.
CONFIGURATION_KINDS = frozenset({CLIENT, KEY, RESOURCE, CLAIM})
#: Kinds that every process follows in the log. Nothing is decided on what people read about a scope value, so no append
#: conflicts when that changes.
FOLLOWED_KINDS = CONFIGURATION_KINDS | {SCOPE}


class StreamId(NamedTuple):
    """The three parts of a stream id."""

    tenant: str
    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.tenant}:{self.kind}:{self.id}"


def parse(stream: str) -> StreamId:
    """Split a stored stream id. Raises ValueError when it does not have three parts."""
    tenant, kind, identifier = stream.split(":", 2)
    return StreamId(tenant, kind, identifier)


def grant_stream(tenant: str, grant_id: str) -> str:
    """The stream of a grant."""
    return f"{tenant}:{GRANT}:{grant_id}"


def client_stream(tenant: str, client_id: str) -> str:
    """The stream of a client."""
    return f"{tenant}:{CLIENT}:{client_id}"


def account_stream(tenant: str, subject: str) -> str:
    """The stream of an account."""
    return f"{tenant}:{ACCOUNT}:{subject}"


def session_stream(tenant: str, session_id: str) -> str:
    """The stream of a browser session."""
    return f"{tenant}:{SESSION}:{session_id}"


def key_stream(tenant: str, kid: str) -> str:
    """The stream of a key."""
    return f"{tenant}:{KEY}:{kid}"


def resource_stream(tenant: str, uri: str) -> str:
    """The stream of a resource server."""
    return f"{tenant}:{RESOURCE}:{uri}"


def registration_stream(tenant: str, token_id: str) -> str:
    """The stream of an initial access token."""
    return f"{tenant}:{REGISTRATION}:{token_id}"


def claims_stream(tenant: str) -> str:
    """The stream of all claim definitions."""
    return f"{tenant}:{CLAIM}:definitions"


def scope_stream(tenant: str) -> str:
    """The stream of the descriptions of all scope values."""
    return f"{tenant}:{SCOPE}:descriptions"


def checkpoint_key_stream(tenant: str) -> str:
    """The stream of the keys that sign checkpoints of the log."""
    return f"{tenant}:{LOG}:checkpoint_keys"


def checkpoint_stream(tenant: str, size: int) -> str:
    """The stream of the checkpoint of one size."""
    return f"{tenant}:{LOG}:checkpoint-{size}"


def rollback_stream(tenant: str) -> str:
    """The stream of the older logs that were accepted."""
    return f"{tenant}:{LOG}:rollbacks"


def dropped_stream(tenant: str) -> str:
    """The stream of the contents that left the log after they were archived."""
    return f"{tenant}:{LOG}:dropped"


def setting_stream(tenant: str) -> str:
    """The stream of the settings that processes of the server started with."""
    return f"{tenant}:{SETTING}:server"


def role_stream(tenant: str, role: str) -> str:
    """The stream of a role of the server: who has it."""
    return f"{tenant}:{ROLE}:{role}"


def refusal_stream(tenant: str, error_id: str) -> str:
    """The stream of one refusal, or of the counts of one minute."""
    return f"{tenant}:{REFUSAL}:{error_id}"


#: What the names of the streams of scheduled evidence begin with.
EVIDENCE: Final = "evidence-"


def evidence_stream(tenant: str, schedule: str) -> str:
    """The stream of what one line of the schedule of evidence has written."""
    return f"{tenant}:{AUDIT}:{EVIDENCE}{schedule}"


def question_stream(tenant: str, question_id: str) -> str:
    """The stream of one question that an auditor or administrator asked."""
    return f"{tenant}:{AUDIT}:{question_id}"


def incident_stream(tenant: str, incident_id: str) -> str:
    """The stream of one incident."""
    return f"{tenant}:{INCIDENT}:{incident_id}"


def outbox_stream(tenant: str, change_id: str) -> str:
    """The stream of one change that an operator made to the outbox."""
    return f"{tenant}:{OUTBOX}:{change_id}"


def webhook_stream(tenant: str) -> str:
    """The stream of all webhooks."""
    return f"{tenant}:{WEBHOOK}:endpoints"


def signal_stream(tenant: str, owner: str) -> str:
    """The stream of what a receiver of security event tokens asked for. ``owner`` is the digest of its client's id."""
    return f"{tenant}:{SIGNAL}:{owner}"


def delivered_stream(tenant: str, owner: str) -> str:
    """The stream of what a receiver has got: its newest event says all."""
    return f"{tenant}:{SIGNAL}:{owner}{DELIVERED}"
