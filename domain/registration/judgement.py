"""The one question of every path that makes or changes a client: may the client that would result be like this?

The command line, ``create_client`` and ``update_client``, a registration (RFC 7591), an update (RFC 7592) and a
metadata document all ask it with the same input (A202). ``client_registration`` asks it, so no path gets around it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration import policy as client_policy
from domain.registration.admission import NOBODYS, Admission, RegistrationRules, own_change_refusal
from domain.registration.idle_members import without_idle_members
from domain.registration.signing import signing_refusal


def _not_looked_at(_jwks: Mapping[str, Any] | None) -> Refusal | None:
    return None


class Terms(msgspec.Struct, frozen=True):
    """By what the resulting client is judged.

    ``algorithms``: what the server keeps keys for; empty: not known here. ``keys_refusal`` reads the client's keys.
    ``rules``: what clients may give themselves by the settings of today, when the client or its document asks; None: an
    administrator does. ``admission``: what the client was let in by. ``development``: loopback http is allowed.
    """

    development: bool = False
    algorithms: tuple[str, ...] = ()
    keys_refusal: Callable[[Mapping[str, Any] | None], Refusal | None] = _not_looked_at
    rules: RegistrationRules | None = None
    admission: Admission = NOBODYS

    @property
    def by_itself(self) -> bool:
        """Whether the client asks, and not an administrator."""
        return self.rules is not None


ADMINISTRATORS: Final = Terms()


def judged(
    metadata: ClientMetadata, terms: Terms, before: ClientMetadata | None = None
) -> ClientMetadata | Refusal:
    """The client as it may be, without what has no effect; or why it may not be like this. ``before``: what it was
    until now."""
    metadata = without_idle_members(metadata)
    return _refusal(metadata, terms, before) or metadata


def _refusal(metadata: ClientMetadata, terms: Terms, before: ClientMetadata | None) -> Refusal | None:
    outside = None
    if terms.rules is not None:
        outside = own_change_refusal(metadata, terms.rules, terms.admission, before)
    refusal = outside or client_policy.check(metadata, terms.development)
    if refusal is None and terms.algorithms:
        refusal = signing_refusal(msgspec.structs.asdict(metadata), terms.algorithms)
    return refusal or terms.keys_refusal(metadata.jwks)
