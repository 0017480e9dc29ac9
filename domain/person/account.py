"""An account: a pseudonymous subject, whether it may sign in, and the consents of the person.

The login, the password hash and the claims are in sealed rows beside the log (decisions.md 16). The events only say
that they changed.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from domain.decision import Decision, refuse
from domain.errors import invalid_request
from domain.event import Event, folding
from domain.liveness import ACTIVE
from domain.person.account_events import (
    AccountCreated,
    AccountDisabled,
    AccountEnabled,
    ClaimsChanged,
    ConsentRemembered,
    ConsentWithdrawn,
    ErasureRequested,
    ErasureWithdrawn,
    GrantsEnded,
    HoldPlaced,
    HoldReleased,
    PasswordSet,
    PersonErased,
)
from domain.person.grant_ending import ALL, NO_ENDINGS, UNBOUND, Endings, Grants

DISABLED: Final = "disabled"
ERASED: Final = "erased"

#: OIDC Core §2 allows 255 ASCII characters. A colon is not allowed, because it separates the parts of the keys of a
#: subject's rows.
_SUBJECT: Final = re.compile(r"[A-Za-z0-9\-._~|@+]{1,255}")

_ENDED_WITH_PASSWORD: Final = {"all": ALL, "unbound": UNBOUND}

UNKNOWN: Final = invalid_request("There is no such account.", hint="Check the login or the subject.")


class PendingErasure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request to erase the person that waits: for another operator, or for its time."""

    requested_at: int
    due_at: int
    operator: str = ""
    two_persons: bool = False


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of an account after its events so far. ``consents``: by client id, the agreed scope;
    ``consent_generations``: by client id, the client's generation that was agreed with, where it is not 0;
    ``consent_claims``: by client id, the defined claims that were agreed to, where there are any.
    ``endings``: which grants are over. ``holds``: by id, until when each forbids to erase the person; None: until it is
    released. ``erasure``: the request that waits."""

    subject: str = ""
    status: str = ""
    password_set_at: int | None = None
    consents: dict[str, tuple[str, ...]] = {}
    consent_generations: dict[str, int] = {}
    consent_claims: dict[str, tuple[str, ...]] = {}
    endings: Endings = NO_ENDINGS
    holds: dict[str, int | None] = {}
    erasure: PendingErasure | None = None

    def is_held(self, now: int) -> bool:
        """Whether a hold forbids to erase the person."""
        return any(until is None or now < until for until in self.holds.values())

    @property
    def exists(self) -> bool:
        """Whether there is such a person. The account may be disabled; an erased one no longer exists."""
        return bool(self.subject) and self.status != ERASED

    def remembered_scope(self, client_id: str, generation: int = 0) -> tuple[str, ...] | None:
        """The scope that the person consented to for this generation of the client; None: no consent."""
        if self.consent_generations.get(client_id, 0) != generation:
            return None
        return self.consents.get(client_id)

    def remembered_claims(self, client_id: str, generation: int = 0) -> tuple[str, ...]:
        """The defined claims that the person has agreed to for this client as it is now."""
        if self.consent_generations.get(client_id, 0) != generation:
            return ()
        return self.consent_claims.get(client_id, ())


NO_ACCOUNT: Final = Account()


#: Why the grants of a client are over that the person has agreed with no longer.
CONSENT_WITHDRAWN: Final = "consent_withdrawn"


def apply(account: Account, event: Event) -> Account:
    """The account after one more event."""
    match event:
        case AccountCreated():
            return Account(event.subject, ACTIVE)
        case PasswordSet():
            account = msgspec.structs.replace(account, password_set_at=event.set_at)
            name = _ENDED_WITH_PASSWORD.get(event.ends_grants or "none")
            return account if name is None else _with_ending(account, name, "password_changed")
        case AccountDisabled():
            return msgspec.structs.replace(account, status=DISABLED)
        case AccountEnabled():
            return msgspec.structs.replace(account, status=ACTIVE)
        case ConsentRemembered():
            return _with_consent(account, event)
        case ConsentWithdrawn():
            account = _without_consent(account, event.client_id)
            ends = event.ends_grants
            return _with_ending(account, event.client_id, CONSENT_WITHDRAWN) if ends else account
        case GrantsEnded():
            return _with_ending(account, event.client_id or ALL, event.reason)
        case HoldPlaced():
            holds = {**account.holds, event.hold_id: event.until}
            return msgspec.structs.replace(account, holds=holds, erasure=None)
        case HoldReleased():
            holds = {name: until for name, until in account.holds.items() if name != event.hold_id}
            return msgspec.structs.replace(account, holds=holds)
        case ErasureRequested():
            pending = PendingErasure(event.requested_at, event.due_at, event.operator, event.two_persons)
            return msgspec.structs.replace(account, erasure=pending)
        case ErasureWithdrawn():
            return msgspec.structs.replace(account, erasure=None)
        case PersonErased():
            return Account(account.subject, ERASED)
        case _:
            return account


#: The account after some events.
fold: Final = folding(apply, NO_ACCOUNT)


def _with_consent(account: Account, event: ConsentRemembered) -> Account:
    account = _without_consent(account, event.client_id)
    generations = account.consent_generations
    if event.client_generation:
        generations = {**generations, event.client_id: event.client_generation}
    claims = account.consent_claims
    if event.claims:
        claims = {**claims, event.client_id: event.claims}
    return msgspec.structs.replace(
        account,
        consents={**account.consents, event.client_id: event.scope},
        consent_generations=generations,
        consent_claims=claims,
    )


def _without_consent(account: Account, client_id: str) -> Account:
    consents = {name: scope for name, scope in account.consents.items() if name != client_id}
    generations = {name: one for name, one in account.consent_generations.items() if name != client_id}
    claims = {name: one for name, one in account.consent_claims.items() if name != client_id}
    return msgspec.structs.replace(
        account, consents=consents, consent_generations=generations, consent_claims=claims
    )


def _with_ending(account: Account, name: str, reason: str) -> Account:
    return msgspec.structs.replace(account, endings=account.endings.with_mark(name, reason))


def decide_create(account: Account, subject: str, now: int) -> Decision[Account]:
    """Create an account for a subject that was never used, not even by an erased account."""
    if account.subject:
        return refuse(invalid_request("The subject is in use, or was used before.", hint="Use another."))
    if not _SUBJECT.fullmatch(subject):
        return refuse(
            invalid_request("The subject is malformed.", hint="Use 1 to 255 of A-Z a-z 0-9 - . _ ~ | @ +.")
        )
    return _accept(account, AccountCreated(subject, now))


def decide_set_password(account: Account, now: int, ends: Grants = "none") -> Decision[Account]:
    """Record that the password was set or changed, and which grants ended with it."""
    if not account.exists:
        return refuse(UNKNOWN)
    return _accept(account, PasswordSet(now, None if ends == "none" else ends))


def decide_change_claims(account: Account, names: Iterable[str], now: int) -> Decision[Account]:
    """Record that the claims were replaced. ``names`` are those that the person has from now on."""
    return _accept(account, ClaimsChanged(tuple(sorted(names)), now)) if account.exists else refuse(UNKNOWN)


def decide_disable(account: Account, reason: str, now: int) -> Decision[Account]:
    """Disable the account, which makes its tokens inactive. Disabling it again appends nothing."""
    if not account.exists:
        return refuse(UNKNOWN)
    if account.status != ACTIVE:
        return Decision((), account)
    return _accept(account, AccountDisabled(reason, now))


def decide_enable(account: Account, now: int) -> Decision[Account]:
    """Enable a disabled account."""
    if not account.exists:
        return refuse(UNKNOWN)
    if account.status != DISABLED:
        return Decision((), account)
    return _accept(account, AccountEnabled(now))


def decide_remember_consent(
    account: Account, client_id: str, scope: tuple[str, ...], now: int, generation: int = 0,
    claims: tuple[str, ...] = (),
) -> Decision[Account]:  # fmt: skip
    """Keep an agreement, together with what was agreed before with this ``generation`` of the client. ``claims`` are
    the defined claims that it names. Nothing new appends nothing: a long-lived stream does not grow with every
    sign-in."""
    if not account.exists:
        return refuse(UNKNOWN)
    remembered = account.remembered_scope(client_id, generation)
    remembered_claims = account.remembered_claims(client_id, generation)
    whole = tuple(dict.fromkeys((*(remembered or ()), *scope)))
    whole_claims = tuple(dict.fromkeys((*remembered_claims, *claims)))
    if whole == remembered and whole_claims == remembered_claims:
        return Decision((), account)
    return _accept(account, ConsentRemembered(client_id, whole, now, generation, whole_claims))


def decide_withdraw_consent(account: Account, client_id: str, now: int) -> Decision[Account]:
    """Withdraw the consent to a client, and end all its grants. This also works without a remembered consent, because
    some clients need none."""
    if not account.exists:
        return refuse(UNKNOWN)
    return _accept(account, ConsentWithdrawn(client_id, now, ends_grants=True))


def decide_end_grants(account: Account, client_id: str | None, reason: str, now: int) -> Decision[Account]:
    """End the grants of a client, or of every client. The consents stay."""
    if not account.exists:
        return refuse(UNKNOWN)
    return _accept(account, GrantsEnded(reason, now, client_id))


def _accept(account: Account, *events: Event) -> Decision[Account]:
    return Decision(events, fold(events, account))
