"""Receipts of what a person has agreed to, with its history, in the structure of ISO/IEC TS 27560:2023."""

from typing import Any, Final, NamedTuple

from authrim.audit.timeline import time_of
from authrim.clients.records import read_client
from authrim.core.claim_definitions import read_catalogue
from authrim.store import codec
from authrim.store.contract import StoredEvent
from authrim.store.read_back import ReadBack
from domain.claim.catalogue import Catalogue
from domain.client.client import Client
from domain.event import tag_of
from domain.person.account_events import ConsentRemembered, ConsentWithdrawn
from domain.person.processing import UNDECLARED, Processing
from domain.stream import ACCOUNT, account_stream

SCHEMA: Final = "ISO/IEC TS 27560:2023"
_TAGS: Final = frozenset({tag_of(ConsentRemembered), tag_of(ConsentWithdrawn)})
_WITHDRAWAL: Final = (
    "Ask the administrator of this server, who withdraws it: authrim account withdraw-consent."
)


class Consents(NamedTuple):
    """The receipts of a person, one per application, and the events that they are made of."""

    document: dict[str, Any]
    events: tuple[StoredEvent, ...]


class _Terms(NamedTuple):
    """What a receipt is made with besides the events."""

    processing: Processing
    catalogue: Catalogue


async def read_consents(
    store: ReadBack, tenant: str, subject: str, processing: Processing, client_id: str | None = None
) -> Consents:
    """All receipts of the person, or those of one application."""
    stored = await store.read_whole_stream(account_stream(tenant, subject))
    terms = _Terms(processing, await read_catalogue(store, tenant))
    by_client: dict[str, list[tuple[StoredEvent, ConsentRemembered | ConsentWithdrawn]]] = {}
    for one in stored:
        event = codec.decode(ACCOUNT, one.type, one.payload) if one.type in _TAGS else None
        if isinstance(event, ConsentRemembered | ConsentWithdrawn) and client_id in (None, event.client_id):
            by_client.setdefault(event.client_id, []).append((one, event))
    receipts = []
    for name, history in by_client.items():
        client = (await read_client(store, tenant, name)).client
        receipts.append(_receipt(subject, name, client, history, terms))
    events = sorted(
        (one for history in by_client.values() for one, _ in history), key=lambda one: one.position
    )
    return Consents({"tenant": tenant, "subject": subject, "receipts": receipts}, tuple(events))


def _receipt(
    subject: str, client_id: str, client: Client,
    history: list[tuple[StoredEvent, ConsentRemembered | ConsentWithdrawn]], terms: _Terms,
) -> dict[str, Any]:  # fmt: skip
    record_id = f"{subject}:{client_id}"
    given = next((event for _, event in history[::-1] if isinstance(event, ConsentRemembered)), None)
    scope = () if given is None else given.scope
    claims = () if given is None else given.claims
    processing = terms.processing
    metadata = client.metadata
    return {
        "schema_version": SCHEMA,
        "receipt_id": f"{record_id}:{history[-1][0].position}",
        "consent_record": {
            "schema_version": SCHEMA,
            "record_id": record_id,
            "pii_principal_id": subject,
            "pii_processing": {
                "privacy_notice": metadata.policy_uri or processing.privacy_notice or UNDECLARED,
                "purposes": _purposes(scope, claims, client_id, terms),
            },
            "party_identification": [
                {
                    "party_id": "controller",
                    "party_role": "pii_controller",
                    "party_name": processing.controller or UNDECLARED,
                    "party_contact": processing.controller_contact or UNDECLARED,
                },
                {
                    "party_id": client_id,
                    "party_role": "recipient",
                    "party_name": metadata.client_name or client_id,
                    "party_url": metadata.client_uri or "",
                },
            ],
            "events": [_event(subject, one, event) for one, event in history],
        },
    }


def _purposes(
    scope: tuple[str, ...], claims: tuple[str, ...], client_id: str, terms: _Terms
) -> list[dict[str, Any]]:
    """One purpose per agreed scope value: what it is for, and the kinds of data that it stands for. Of defined claims
    those that the person was shown."""
    processing, catalogue = terms
    shown = []
    for value, purpose in processing.purposes_of(scope, client_id):
        names = [
            name for name in catalogue.by_scope((value,)) if name in claims or name not in catalogue.defined
        ]
        shown.append(
            {
                "purpose": UNDECLARED if purpose is None else purpose.purpose,
                "purpose_id": UNDECLARED if purpose is None else purpose.id,
                "scope": value,
                "lawful_basis": UNDECLARED if purpose is None else purpose.lawful_basis,
                "pii_information": [{"pii_type": name} for name in names or ("sub",)],
                "pii_controllers": ["controller"],
                "collection_method": "the page for consent of this server",
                "storage_locations": list(processing.storage) or [UNDECLARED],
                "retention_period": (purpose.retention if purpose else "") or UNDECLARED,
                "jurisdictions": [processing.jurisdiction or UNDECLARED],
                "recipient_third_parties": [client_id],
                "withdrawal_method": processing.withdrawal or _WITHDRAWAL,
                "privacy_rights": "GDPR Art. 7(3), 15 to 22",
            }
        )
    return shown


def _event(subject: str, stored: StoredEvent, event: ConsentRemembered | ConsentWithdrawn) -> dict[str, Any]:
    """An event of the consent, with its position in the log."""
    given = isinstance(event, ConsentRemembered)
    fields: dict[str, Any] = {
        "event_time": time_of(stored.recorded_at),
        "event_type": "explicit" if given else "withdrawal",
        "event_state": "given" if given else "withdrawn",
        "entity_id": subject,
        "validity_duration": "until it is withdrawn" if given else "",
        "position": stored.position,
    }
    if isinstance(event, ConsentRemembered):
        fields |= {"scope": list(event.scope), "claims": list(event.claims)}
    return fields
