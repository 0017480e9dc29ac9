"""The names of a person and of a session that leave the server (OIDC Core §8): for every client the same, or one for
each sector.

A pairwise pseudonym is computed and kept nowhere. Its salt comes from the oldest master key, and stays the same when
another becomes current. It is in no event (A156); when the oldest key leaves, it is kept sealed under the current one.
"""

from collections.abc import Iterable

from authrim.core.parts import Core
from authrim.crypto import base64url
from authrim.crypto.keyed_hash import keyed_hash
from domain.client.client import Client
from domain.client.subject_type import PAIRWISE, sector_of
from domain.grant.events import AccessTokenIssued

_SUBJECTS = "pairwise"
_SESSIONS = "pairwise-sid"
_NOBODY = ""


def public_subject(core: Core, tenant: str, client: Client, subject: str) -> str:
    """What ``sub`` is for this client, in whatever it or its resource servers get to see."""
    if client.metadata.subject_type != PAIRWISE:
        return subject
    return _of_sector(core, _SUBJECTS, tenant, client, subject)


def subject_of_token(core: Core, tenant: str, client: Client, token: AccessTokenIssued) -> str:
    """The ``sub`` of an access token of this client: the person, or without one the client itself (RFC 9068 §2.2)."""
    return client.client_id if token.subject is None else public_subject(core, tenant, client, token.subject)


def public_session(core: Core, tenant: str, client: Client, session_id: str | None) -> str | None:
    """What ``sid`` is for this client: its own in every sector, so that clients of two sectors cannot find out that
    they saw one browser. None for a client that cannot use it: it is told of no logout and asks for none."""
    if session_id is None or not client.hears_of_sessions:
        return None
    return session_name(core, tenant, client, session_id)


def session_name(core: Core, tenant: str, client: Client, session_id: str) -> str:
    """The same for a client that is told of the session's end in another way."""
    if client.metadata.subject_type != PAIRWISE:
        return session_id
    return _of_sector(core, _SESSIONS, tenant, client, session_id)


def _of_sector(core: Core, purpose: str, tenant: str, client: Client, value: str) -> str:
    sector = sector_of(client.metadata)
    assert sector is not None, "a pairwise client without a sector cannot be registered"
    salt = core.master.derive_lasting(purpose)
    return base64url.encode(keyed_hash(salt, *(part.encode("utf-8") for part in (tenant, sector, value))))


def hinted_person(
    core: Core, tenant: str, client: Client, hinted: str | None, known: Iterable[str | None]
) -> str | None:
    """Whom a client means by a ``sub`` that it was given, among the people that are ``known`` here; an empty name,
    which is nobody's, when it is none of them. None: nobody was hinted at."""
    if hinted is None or client.metadata.subject_type != PAIRWISE:
        return hinted
    people = (person for person in known if person is not None)
    return next((one for one in people if public_subject(core, tenant, client, one) == hinted), _NOBODY)
