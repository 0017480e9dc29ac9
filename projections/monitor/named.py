"""The streams that the events of a grant name: its client, its person and session, the resource servers of a token."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from domain.event import tag_of
from domain.grant.events import (
    AccessTokenIssued,
    AuthorizationRequested,
    ClientCredentialsGranted,
    SubjectAuthenticated,
)
from domain.stream import ACCOUNT, CLIENT, RESOURCE, SESSION
from projections.monitor.grant_state import GrantState


def _client_of(tenant: str, seen: Any) -> tuple[str, ...]:
    return (f"{tenant}:{CLIENT}:{seen.client_id}",)


def _person_of(tenant: str, seen: Any) -> tuple[str, ...]:
    return (f"{tenant}:{ACCOUNT}:{seen.subject}", f"{tenant}:{SESSION}:{seen.session_id}")


def _resources_of(tenant: str, seen: Any) -> tuple[str, ...]:
    return tuple(f"{tenant}:{RESOURCE}:{uri}" for uri in seen.audience)


#: What events of a grant name, by their type.
NAMES: Final[Mapping[str, Callable[[str, Any], tuple[str, ...]]]] = {
    tag_of(AuthorizationRequested): _client_of,
    tag_of(ClientCredentialsGranted): _client_of,
    tag_of(SubjectAuthenticated): _person_of,
    tag_of(AccessTokenIssued): _resources_of,
}


def depends_on(tenant: str, state: GrantState) -> tuple[str, ...]:
    """What a grant depends on, as far as it is known before the page."""
    client = _client_of(tenant, state) if state.client_id else ()
    return client if state.subject is None else (*client, *_person_of(tenant, state))
