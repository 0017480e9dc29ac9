"""Questions to the log, from a command or from a page, and the record of those about people.

A question about a person is recorded before it is answered. One that names them by a login needs a reason (A247).
"""

import ipaddress
from collections.abc import Mapping
from typing import Final

import msgspec

from authrim.audit import search as searching
from authrim.audit.readings import Reading
from authrim.core.origin import Origin
from authrim.core.questions import Question, hidden_text, record_question, refuse_reason
from authrim.crypto.master import MasterKeys
from authrim.crypto.sealing import address_hash, canonical_login
from authrim.people import accounts
from authrim.store.read_back import ReadBack
from authrim.wire.forwarded import source_of
from domain.errors import Refusal, invalid_request
from domain.person.account import UNKNOWN
from domain.stream import ACCOUNT, SESSION, grant_stream

#: The conditions of a search that need no translation, by the column of the index.
_PLAIN: Final = {
    "client": "client_id", "session": "session_id", "key": "key_id", "type": "type", "actor": "actor",
    "error_id": "error_id", "trace": "trace", "jti": "token_id",
}  # fmt: skip
#: All conditions of a search.
CONDITIONS: Final = (*_PLAIN, "account", "grant", "address")
#: Kinds whose whole history is a question about a person, by their column of the index.
HISTORIES: Final = {SESSION: "session_id", ACCOUNT: "subject"}
#: What says something about a person: such a question is recorded.
_OF_PEOPLE: Final = ("subject", "session_id", "address")

NO_ADDRESS: Final = invalid_request("This is no IP address.", hint="Write one of IPv4 or IPv6.")

Values = dict[str, tuple[str, ...]]
"""By column of the index, the values that are looked for."""


class Asker(msgspec.Struct, frozen=True):
    """Who asks, and what of. ``log`` is where the answer is read; who is meant is looked up in ``store``, and the
    question is recorded there. ``origin``: the request of an auditor's page; None: a command. ``exported``: what is
    found is copied in a form for machines."""

    store: ReadBack
    log: Reading
    master: MasterKeys
    tenant: str
    origin: Origin | None = None
    exported: bool = False

    async def record(
        self, kind: str, reason: str, conditions: Mapping[str, str], subject: str | None = None
    ) -> Refusal | None:
        """Record a question. The answer waits for it, and there is none to a reason that cannot be recorded."""
        question = Question(kind, reason, conditions, subject, self.exported)
        return refuse_reason(reason, demanded=False) or await record_question(
            self.store, self.tenant, question, self.origin
        )


async def asked_subject(asker: Asker, account: str, kind: str, reason: str) -> str | Refusal:
    """The pseudonym of the person that a question is about. A login needs a reason, without which nobody learns whether
    there is such a login; a question about one that there is not is recorded too (A247)."""
    store, master, tenant = asker.store, asker.master, asker.tenant
    if await accounts.is_subject(store, tenant, account):
        return account
    refusal = refuse_reason(reason, demanded=True)
    if refusal is not None:
        return refusal
    subject = await accounts.find_account(store, master, tenant, account)
    if subject is not None:
        return subject
    conditions = {"account": hidden_text(master, tenant, canonical_login(account))}
    return await asker.record(kind, reason, conditions) or UNKNOWN


async def ask_history(asker: Asker, kind: str, identifier: str, reason: str) -> str | Refusal:
    """The session, or the pseudonym of the account, whose history is asked for, after the question was recorded."""
    asked = f"{kind}_history"
    if kind == SESSION:
        return await asker.record(asked, reason, {"session_id": identifier}) or identifier
    subject = await asked_subject(asker, identifier, asked, reason)
    if isinstance(subject, Refusal):
        return subject
    return await asker.record(asked, reason, {}, subject) or subject


async def search_values(asker: Asker, asked: Mapping[str, str | None], reason: str) -> Values | Refusal:
    """The columns of the index that a search asks for, with their values; recorded where it is about a person or makes
    a copy of what it finds. ``asked``: by the name of the condition."""
    values = await index_values(asker, asked, reason, "search")
    if isinstance(values, Refusal):
        return values
    refusal = searching.refuse_search(values) or refuse_reason(reason, demanded=False)
    if refusal is None and (asker.exported or any(name in values for name in _OF_PEOPLE)):
        conditions = {name: alternatives[0] for name, alternatives in values.items() if name != "subject"}
        subject = values["subject"][0] if "subject" in values else None
        refusal = await asker.record("search", reason, conditions, subject)
    return values if refusal is None else refusal


async def index_values(
    asker: Asker, asked: Mapping[str, str | None], reason: str, kind: str
) -> Values | Refusal:
    """The columns of the index that some conditions ask for, with their values. Nothing is recorded but a login that
    leads nowhere."""
    values: Values = {column: (value,) for name, column in _PLAIN.items() if (value := asked.get(name))}
    if grant := asked.get("grant"):
        values["stream"] = (grant_stream(asker.tenant, grant),)
    if address := asked.get("address"):
        try:
            ipaddress.ip_address(address)
        except ValueError:
            return NO_ADDRESS
        source, master = source_of(address), asker.master
        values["address"] = tuple(
            address_hash(master, asker.tenant, source, one) for one in master.ids_for("address")
        )
    if person := asked.get("account"):
        subject = await asked_subject(asker, person, kind, reason)
        if isinstance(subject, Refusal):
            return subject
        values["subject"] = (subject,)
    return values
