"""Whether a client may be registered or changed as requested. Every path that creates or changes a client asks this.

The command line, ``create_client`` and ``update_client``, a registration (RFC 7591), an update (RFC 7592) and a
metadata document all ask with the same input (A202). ``lifecycle`` asks it, so no path can bypass it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration import policy as client_policy
from domain.registration.admission import NOBODYS, Admission, RegistrationRules, own_change_refusal
from domain.registration.idle_members import without_idle_members
from domain.registration.signing import signing_refusal


def _not_looked_at(_jwks: Mapping[str, Any] | None) -> Refusal | None:
    return None


class Terms(msgspec.Struct, frozen=True):
    """What the resulting client is checked against.

    ``algorithms``: those that the server has keys for; empty: unknown. ``keys_refusal`` checks the client's keys.
    ``rules``: what clients may give themselves by the current settings, when the client or its document asks; None: an
    administrator asks. ``admission``: the rules under which the client was admitted. ``development``: loopback http is
    allowed. ``catalogue``: the claims that can be mapped.
    """

    development: bool = False
    algorithms: tuple[str, ...] = ()
    keys_refusal: Callable[[Mapping[str, Any] | None], Refusal | None] = _not_looked_at
    rules: RegistrationRules | None = None
    admission: Admission = NOBODYS
    catalogue: Catalogue = BUILT_IN

    @property
    def by_itself(self) -> bool:
        """Whether the client makes the request, and not an administrator."""
        return self.rules is not None


ADMINISTRATORS: Final = Terms()


def judged(
    metadata: ClientMetadata, terms: Terms, before: ClientMetadata | None = None
) -> ClientMetadata | Refusal:
    """The client without members that have no effect, or why it is refused. ``before`` is the client until now."""
    metadata = without_idle_members(metadata)
    return _refusal(metadata, terms, before) or metadata


def _refusal(metadata: ClientMetadata, terms: Terms, before: ClientMetadata | None) -> Refusal | None:
    outside = None
    if terms.rules is not None:
        outside = own_change_refusal(metadata, terms.rules, terms.admission, before)
    # A mapping was checked when it was set. Claims that were defined or retired since stand in no other update's way.
    mapping_is_kept = before is not None and before.claim_mapping == metadata.claim_mapping
    catalogue = None if mapping_is_kept else terms.catalogue
    refusal = outside or client_policy.check(metadata, terms.development, catalogue)
    if refusal is None and terms.algorithms:
        refusal = signing_refusal(msgspec.structs.asdict(metadata), terms.algorithms)
    return refusal or terms.keys_refusal(metadata.jwks)
