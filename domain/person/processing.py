"""What is declared about the processing of people's data: who is responsible, and for which purposes (GDPR Art. 30)."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

#: GDPR Art. 6(1), in its order.
Basis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]


class Purpose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why data is processed. ``scopes`` are the scope values that serve it, ``clients`` the ids of the clients that it
    is for; none: every client. ``recipients`` and ``transfers`` are those besides the clients."""

    id: str
    purpose: str
    lawful_basis: Basis
    scopes: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    retention: str = ""
    recipients: tuple[str, ...] = ()
    transfers: str = ""

    def is_of(self, scope: str, client_id: str) -> bool:
        """Whether a client uses this scope value for it."""
        return scope in self.scopes and (not self.clients or client_id in self.clients)


class Processing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The declaration as a whole; all of it may be left out."""

    controller: str = ""
    controller_contact: str = ""
    representative: str = ""
    data_protection_officer: str = ""
    authority: str = ""
    jurisdiction: str = ""
    privacy_notice: str = ""
    withdrawal: str = ""
    storage: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    purpose: tuple[Purpose, ...] = ()

    def purposes_of(self, scopes: Iterable[str], client_id: str) -> tuple[tuple[str, Purpose | None], ...]:
        """Each scope value with its purposes; with None where none is declared."""
        found: list[tuple[str, Purpose | None]] = []
        for scope in scopes:
            of_scope = [one for one in self.purpose if one.is_of(scope, client_id)]
            found += [(scope, one) for one in of_scope] or [(scope, None)]
        return tuple(found)


NOT_DECLARED: Final = Processing()
#: What a record says where nothing was declared.
UNDECLARED: Final = "not declared"
