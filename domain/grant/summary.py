"""The stored form of a grant's summary (``grant.summarized.v1``), with names that never change.

The fields of ``Grant`` can be renamed, and streams with older summaries stay readable.
"""

import msgspec

from domain.grant.events import AuthorizationRequested


class CodeV1(msgspec.Struct, frozen=True, omit_defaults=True):
    """The grant's authorization code. Times in seconds since 1970 UTC."""

    code_hash: str
    expires_at: int
    redeemed_at: int | None = None
    voided: str | None = None


class KeyV1(msgspec.Struct, frozen=True, omit_defaults=True):
    """The key that a refresh token is bound to (RFC 9449 §5, RFC 8705 §4)."""

    jkt: str | None = None
    x5t_s256: str | None = None


NO_KEY = KeyV1()


class RefreshV1(msgspec.Struct, frozen=True, omit_defaults=True):
    """The grant's refresh token."""

    generation: int
    token_hash: str
    hmac_key_id: str
    expires_at: int
    grace_until: int = 0
    repeats: int = 0
    previous_hmac_key_id: str = ""
    bound_to: KeyV1 = NO_KEY
    instance_jkt: str | None = None


class SummaryV1(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole state of a grant. Unknown fields are ignored when it is read."""

    client_id: str = ""
    request: AuthorizationRequested | None = None
    subject: str | None = None
    session_id: str | None = None
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    browser_hash: str | None = None
    scope: tuple[str, ...] | None = None
    refused: str | None = None
    answered_at: int | None = None
    code: CodeV1 | None = None
    refresh: RefreshV1 | None = None
    revoked_at: int | None = None
    revocation_reason: str = ""
    account_epoch: int = 0
    another_account: bool = False
    agreed_claims: tuple[str, ...] = ()


def stored(summary: SummaryV1) -> dict[str, object]:
    """The summary as plain JSON values, as the event contains it."""
    state = msgspec.to_builtins(summary)
    assert isinstance(state, dict)
    return state


def read(state: dict[str, object]) -> SummaryV1:
    """The summary in an event. Raises msgspec.ValidationError when the state has another form."""
    return msgspec.convert(state, SummaryV1)
