"""What can happen to an account. The person's data is in sealed rows; here is only the pseudonymous subject."""

from domain.event import Event, registry


class AccountCreated(Event, frozen=True, tag="account.created.v1"):
    """An account was made; ``subject`` is its pseudonymous id."""

    subject: str
    created_at: int


class PasswordSet(Event, frozen=True, tag="account.password_set.v1"):
    """The password was set or changed; its hash is a sealed row. ``ends_grants``: which of the grants that outlive the
    session ended with it, ``all`` or ``unbound`` (public clients', and bearer tokens)."""

    set_at: int
    ends_grants: str | None = None


class ClaimsChanged(Event, frozen=True, tag="account.claims_changed.v1"):
    """The person's claims were replaced; ``names`` are the claims' names, never their values."""

    names: tuple[str, ...]
    changed_at: int


class AccountDisabled(Event, frozen=True, tag="account.disabled.v1"):
    """The account may not sign in, and its tokens are inactive."""

    reason: str
    disabled_at: int


class AccountEnabled(Event, frozen=True, tag="account.enabled.v1"):
    """The account may sign in again."""

    enabled_at: int


class ConsentRemembered(Event, frozen=True, tag="account.consent_remembered.v1"):
    """The person's standing agreement with a client: the whole of it, not a difference. ``client_generation`` is that
    of the client then; an agreement with an earlier one counts no more (A206)."""

    client_id: str
    scope: tuple[str, ...]
    remembered_at: int
    client_generation: int = 0


class ConsentWithdrawn(Event, frozen=True, tag="account.consent_withdrawn.v1"):
    """The standing agreement with a client ended. ``ends_grants``: and so did all that the client had been granted."""

    client_id: str
    withdrawn_at: int
    ends_grants: bool = False


class GrantsEnded(Event, frozen=True, tag="account.grants_ended.v1"):
    """All that clients had been granted for the person is over, those that outlive the session too. ``client_id`` None:
    of every client."""

    reason: str
    ended_at: int
    client_id: str | None = None


class PersonErased(Event, frozen=True, tag="account.person_erased.v1"):
    """The key of the person's data was destroyed (GDPR Art. 17)."""

    erased_at: int


ACCOUNT_EVENTS = registry(
    AccountCreated,
    PasswordSet,
    ClaimsChanged,
    AccountDisabled,
    AccountEnabled,
    ConsentRemembered,
    ConsentWithdrawn,
    GrantsEnded,
    PersonErased,
)
