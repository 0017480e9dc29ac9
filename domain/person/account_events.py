"""The events of an account. Personal data is in sealed rows; events have only the pseudonymous subject."""

from domain.event import Event, registry


class AccountCreated(Event, frozen=True, tag="account.created.v1"):
    """An account was created; ``subject`` is its pseudonymous id."""

    subject: str
    created_at: int


class PasswordSet(Event, frozen=True, tag="account.password_set.v1"):
    """The password was set or changed; its hash is in a sealed row. ``ends_grants`` says which of the grants that
    outlive a session ended with it: ``all``, or ``unbound`` (those of public clients and those with bearer tokens)."""

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
    """The consent that the person has given to a client: all of it, not a difference. ``client_generation`` is the
    generation of the client at that time; a consent to an earlier generation is void (A206). ``claims`` are the defined
    claims that the person was shown; one that is added to a scope later is asked for again."""

    client_id: str
    scope: tuple[str, ...]
    remembered_at: int
    client_generation: int = 0
    claims: tuple[str, ...] = ()


class ConsentWithdrawn(Event, frozen=True, tag="account.consent_withdrawn.v1"):
    """The consent to a client was withdrawn. ``ends_grants``: so were all grants of the client for the person."""

    client_id: str
    withdrawn_at: int
    ends_grants: bool = False


class GrantsEnded(Event, frozen=True, tag="account.grants_ended.v1"):
    """All grants of a client for the person ended, including those that outlive a session. ``client_id`` None: of every
    client."""

    reason: str
    ended_at: int
    client_id: str | None = None


class HoldPlaced(Event, frozen=True, tag="account.hold_placed.v1"):
    """Nobody may erase the person (GDPR Art. 17(3)(e)): until the hold is released, or until ``until``, in seconds. A
    request to erase them from before is void. ``operator`` is the numeric user id that the command ran with."""

    hold_id: str
    reason: str
    placed_at: int
    until: int | None = None
    operator: str = ""


class HoldReleased(Event, frozen=True, tag="account.hold_released.v1"):
    """A hold ended. ``reason`` says why, ``operator`` who ended it."""

    hold_id: str
    reason: str
    released_at: int
    operator: str = ""


class ErasureRequested(Event, frozen=True, tag="account.erasure_requested.v1"):
    """Somebody asked to erase the person. It may be done from ``due_at`` on; with ``two_persons`` by another operator
    alone."""

    reason: str
    requested_at: int
    due_at: int
    operator: str = ""
    two_persons: bool = False


class ErasureWithdrawn(Event, frozen=True, tag="account.erasure_withdrawn.v1"):
    """The request to erase the person was taken back."""

    reason: str
    withdrawn_at: int
    operator: str = ""


class PersonErased(Event, frozen=True, tag="account.person_erased.v1"):
    """The key of the person's data was destroyed (GDPR Art. 17). ``keys`` are the ids of the destroyed keys: the
    SHA-256 of each wrapped key, so that a copy of it is recognised. ``operator`` is who did it, ``requested_by`` who
    had asked for it before."""

    erased_at: int
    keys: tuple[str, ...] = ()
    reason: str = ""
    operator: str = ""
    requested_by: str = ""


ACCOUNT_EVENTS = registry(
    AccountCreated,
    PasswordSet,
    ClaimsChanged,
    AccountDisabled,
    AccountEnabled,
    ConsentRemembered,
    ConsentWithdrawn,
    GrantsEnded,
    HoldPlaced,
    HoldReleased,
    ErasureRequested,
    ErasureWithdrawn,
    PersonErased,
)
