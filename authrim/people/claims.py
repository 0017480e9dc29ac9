"""A person's claims, read from their sealed row and cut to what may be told; and how pages name the person."""

import json
from collections.abc import Iterable
from typing import Any, Final

from authrim.core.parts import Core
from authrim.core.sealed_rows import SUBJECT
from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.client.told_claims import Released

CLAIMS: Final = "claims"
#: The login as it was given.
LOGIN: Final = "login"
PASSWORD: Final = "password"  # noqa: S105 - the name of a row
#: How a page names a person to themselves: the first of these that they have.
_NAMES: Final = ("name", "preferred_username", "email")


async def claims_of(core: Core, tenant: str, subject: str, names: Iterable[str]) -> dict[str, Any]:
    """Those of the named claims that the person has; none once the person is erased."""
    return await _read(core, tenant, subject, names, core.configuration.catalogue(tenant))


async def told_claims(core: Core, tenant: str, subject: str, released: Released) -> dict[str, Any]:
    """What one place tells about the person. Where nothing is released, nothing is read."""
    if not released.names:
        return {}
    return released.told(await claims_of(core, tenant, subject, released.names))


async def display_name_of(core: Core, tenant: str, subject: str) -> str:
    """How a page names the person to themselves: by a claim, else by the login; empty once they are erased."""
    person = await _read(core, tenant, subject, _NAMES, BUILT_IN)
    named = next((str(person[name]) for name in _NAMES if name in person), "")
    if named:
        return named
    login = await core.private.open(tenant, SUBJECT, subject, LOGIN)
    return "" if login is None else login.decode()


async def _read(
    core: Core, tenant: str, subject: str, names: Iterable[str], catalogue: Catalogue
) -> dict[str, Any]:
    stored = await core.private.open(tenant, SUBJECT, subject, CLAIMS)
    return {} if stored is None else catalogue.select(json.loads(stored), names)
