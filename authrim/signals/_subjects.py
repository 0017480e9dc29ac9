"""Subjects as receivers write them (RFC 9493), and as the log keeps them: keyed hashes, because some are personal."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from authrim.core.parts import Core
from authrim.people.accounts import read_account
from authrim.people.claims import claims_of
from authrim.people.pseudonyms import public_subject
from authrim.signals.receivers import Receiver, keyed_name
from domain.errors import Refusal, invalid_request

_PURPOSE: Final = "signal-subject"
_LONGEST: Final = 1024
#: The members of each format that can name a person here.
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "iss_sub": ("iss", "sub"),
    "email": ("email",),
    "opaque": ("id",),
}

UNUSABLE: Final = invalid_request(
    "The subject is no subject identifier that is known here.",
    hint=f"Use one of the formats {', '.join(_MEMBERS)}.",
    section="RFC 9493 §3",
)


class Subject(msgspec.Struct, frozen=True):
    """A subject identifier: its format, and what names the person."""

    format: str
    name: str


def read_subject(value: Any) -> Subject | Refusal:
    """The subject of a request."""
    if not isinstance(value, dict) or not isinstance(value.get("format"), str):
        return UNUSABLE
    names = _MEMBERS.get(value["format"])
    if names is None:
        return UNUSABLE
    values = [value.get(name) for name in names]
    if not all(isinstance(one, str) and 0 < len(one) <= _LONGEST for one in values):
        return UNUSABLE
    return Subject(value["format"], "\x00".join(map(str, values)))


def hidden_name(core: Core, receiver: Receiver, subject: Subject) -> str:
    """How the log keeps it."""
    name = subject.name.casefold() if subject.format == "email" else subject.name
    return keyed_name(core, _PURPOSE, receiver.owner, subject.format, name)


async def hidden_names(core: Core, receiver: Receiver, person: str) -> set[str]:
    """Every name by which the receiver may have meant a person. Their address counts only where they let the client
    know it: else its answers would tell whose it is."""
    public = public_subject(core, receiver.tenant, receiver.client, person)
    names = [Subject("iss_sub", f"{core.issuer}\x00{public}"), Subject("opaque", public)]
    account = (await read_account(core.store, receiver.tenant, person)).account
    scope = account.remembered_scope(receiver.client.client_id, receiver.client.generation) or ()
    if "email" in scope:
        address = (await claims_of(core, receiver.tenant, person, ("email",))).get("email")
        names += [Subject("email", address)] if isinstance(address, str) else []
    return {hidden_name(core, receiver, name) for name in names}
