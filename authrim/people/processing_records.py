"""The records of processing (GDPR Art. 30), made from the clients, scopes and claims, and from what is declared.

No person's data is read. The same configuration gives the same records.
"""

from typing import Any

import msgspec

from authrim.clients.records import list_clients
from authrim.core.claim_definitions import read_catalogue
from authrim.store.contract import Store
from domain.claim.catalogue import Catalogue
from domain.client.client import Client
from domain.person.processing import UNDECLARED, Processing
from domain.vocabulary.claims import PERSONAL_SCOPES

#: Clients read at a time.
_PAGE = 500


class Records(msgspec.Struct, frozen=True):
    """The records. ``activities``: one per purpose and kind of use; ``findings``: what the declaration lacks."""

    controller: dict[str, Any]
    activities: list[dict[str, Any]]
    clients: list[dict[str, Any]]
    findings: list[str]


async def read_records(store: Store, tenant: str, processing: Processing, server: dict[str, str]) -> Records:
    """``server``: how long the server keeps what it needs for itself, by kind."""
    catalogue = await read_catalogue(store, tenant)
    clients = await _clients(store, tenant)
    personal = [one for one in clients if _personal_scope(one, catalogue)]
    declared = {
        name: getattr(processing, name) or UNDECLARED
        for name in (
            "controller", "controller_contact", "representative", "data_protection_officer", "authority",
            "jurisdiction", "privacy_notice",
        )
    }  # fmt: skip
    return Records(
        {**declared, "storage": list(processing.storage), "security": list(processing.security)},
        [_of_the_server(processing, server), *_activities(processing, personal, catalogue)],
        [_client(one, processing, catalogue) for one in personal],
        _findings(processing, clients, catalogue),
    )


async def _clients(store: Store, tenant: str) -> list[Client]:
    found: list[Client] = []
    while page := await list_clients(store, tenant, found[-1].client_id if found else "", _PAGE):
        found += page
    return found


def _personal_scope(client: Client, catalogue: Catalogue) -> tuple[str, ...]:
    """The scope values about a person that the client may have."""
    return tuple(
        value for value in client.metadata.scope if value in PERSONAL_SCOPES or value in catalogue.scopes
    )


def _of_the_server(processing: Processing, server: dict[str, str]) -> dict[str, Any]:
    """What every server of this kind does with people's data."""
    return {
        "id": "authrim",
        "purpose": "Signing in: to know who signs in, to keep others out, and to prove afterwards what happened",
        "lawful_basis": UNDECLARED,
        "subjects": list(processing.subjects) or [UNDECLARED],
        "data": [
            "login", "password hash", "claims", "sessions", "consents", "log of events under a pseudonym",
            "addresses as keyed hashes",
        ],
        "scopes": [],
        "recipients": [],
        "transfers": UNDECLARED,
        "retention": "; ".join(f"{kind}: {time}" for kind, time in server.items()),
    }  # fmt: skip


def _activities(processing: Processing, clients: list[Client], catalogue: Catalogue) -> list[dict[str, Any]]:
    """One per declared purpose, and one for each scope value that clients may have without any."""
    activities = []
    for purpose in processing.purpose:
        using = [
            one for one in clients if any(purpose.is_of(value, one.client_id) for value in one.metadata.scope)
        ]
        activities.append(
            {
                "id": purpose.id,
                "purpose": purpose.purpose,
                "lawful_basis": purpose.lawful_basis,
                "subjects": list(purpose.subjects or processing.subjects) or [UNDECLARED],
                "data": list(dict.fromkeys(("pseudonym", *catalogue.by_scope(purpose.scopes)))),
                "scopes": list(purpose.scopes),
                "recipients": [*(_name(one) for one in using), *purpose.recipients],
                "transfers": purpose.transfers or UNDECLARED,
                "retention": purpose.retention or UNDECLARED,
            }
        )
    for value, using in _undeclared(processing, clients, catalogue).items():
        activities.append(
            {
                "id": f"scope {value}",
                "purpose": UNDECLARED,
                "lawful_basis": UNDECLARED,
                "subjects": list(processing.subjects) or [UNDECLARED],
                "data": list(catalogue.by_scope((value,))) or ["pseudonym"],
                "scopes": [value],
                "recipients": [_name(one) for one in using],
                "transfers": UNDECLARED,
                "retention": UNDECLARED,
            }
        )
    return activities


def _undeclared(
    processing: Processing, clients: list[Client], catalogue: Catalogue
) -> dict[str, list[Client]]:
    """By scope value, the clients that may have it and for which no purpose is declared."""
    found: dict[str, list[Client]] = {}
    for client in clients:
        scope = _personal_scope(client, catalogue)
        for value, purpose in processing.purposes_of(scope, client.client_id):
            if purpose is None:
                found.setdefault(value, []).append(client)
    return dict(sorted(found.items()))


def _client(client: Client, processing: Processing, catalogue: Catalogue) -> dict[str, Any]:
    """What one client may be told."""
    scope = _personal_scope(client, catalogue)
    purposes = processing.purposes_of(scope, client.client_id)
    return {
        "client_id": client.client_id,
        "name": client.metadata.client_name,
        "status": client.status,
        "scopes": list(scope),
        "data": list(dict.fromkeys(("pseudonym", *catalogue.by_scope(scope)))),
        "subject_type": client.metadata.subject_type,
        "purposes": sorted({one.id for _, one in purposes if one is not None}),
        "privacy_notice": client.metadata.policy_uri or "",
    }


def _findings(processing: Processing, clients: list[Client], catalogue: Catalogue) -> list[str]:
    """What the declaration lacks, and what it speaks of that there is not."""
    ids = {one.client_id for one in clients}
    scopes = {
        *PERSONAL_SCOPES,
        *catalogue.scopes,
        *(value for one in clients for value in one.metadata.scope),
    }
    found = [] if processing.controller else ["No controller is declared."]
    for value, using in _undeclared(processing, clients, catalogue).items():
        names = ", ".join(_name(one) for one in using)
        found.append(f"No purpose is declared for the scope {value}, which these clients may have: {names}.")
    for purpose in processing.purpose:
        found += [
            f"The purpose {purpose.id} names a client that there is not: {one}."
            for one in purpose.clients
            if one not in ids
        ]
        found += [
            f"The purpose {purpose.id} names a scope that no client has: {one}."
            for one in purpose.scopes
            if one not in scopes
        ]
    return found


def _name(client: Client) -> str:
    name = client.metadata.client_name
    return f"{name} ({client.client_id})" if name else client.client_id
