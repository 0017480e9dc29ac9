"""The name of a person that leaves the server (OIDC Core §8): for every client the same, or one for each sector.

A pairwise pseudonym is computed and kept nowhere. Its salt comes from the oldest master key, which stays the same when
another becomes current, and is in no event and no row (A156).
"""

from collections.abc import Iterable

from authrim.crypto import base64url
from authrim.crypto.keyed_hash import keyed_hash
from authrim.runtime import Runtime
from domain.client import Client
from domain.grant_events import AccessTokenIssued
from domain.sector import PAIRWISE, sector_of

_PURPOSE = "pairwise"
_NOBODY = ""


def public_subject(runtime: Runtime, tenant: str, client: Client, subject: str) -> str:
    """What ``sub`` is for this client, in whatever it or its resource servers get to see."""
    if client.metadata.subject_type != PAIRWISE:
        return subject
    sector = sector_of(client.metadata)
    assert sector is not None, "a pairwise client without a sector cannot be registered"
    salt = runtime.master.derive(_PURPOSE, runtime.master.key_ids[-1])
    values = (value.encode("utf-8") for value in (tenant, sector, subject))
    return base64url.encode(keyed_hash(salt, *values))


def subject_of_token(runtime: Runtime, tenant: str, client: Client, token: AccessTokenIssued) -> str:
    """The ``sub`` of an access token of this client: the person, or without one the client itself (RFC 9068 §2.2)."""
    return (
        client.client_id if token.subject is None else public_subject(runtime, tenant, client, token.subject)
    )


def hinted_person(
    runtime: Runtime, tenant: str, client: Client, hinted: str | None, known: Iterable[str | None]
) -> str | None:
    """Whom a client means by a ``sub`` that it was given, among the people that are ``known`` here; an empty name,
    which is nobody's, when it is none of them. None: nobody was hinted at."""
    if hinted is None or client.metadata.subject_type != PAIRWISE:
        return hinted
    people = (person for person in known if person is not None)
    return next((one for one in people if public_subject(runtime, tenant, client, one) == hinted), _NOBODY)
