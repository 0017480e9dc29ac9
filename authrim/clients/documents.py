"""Clients that are described by a document at their own ``client_id`` (draft-ietf-oauth-client-id-metadata-document).

The document is fetched when an authorization request begins and the known state is too old. Its contents are recorded
in the client's stream like a registration, so every other check works as for any client: the policy, the status of its
tokens, ``client disable``. A document that has not changed appends nothing.
"""

import asyncio
from time import monotonic
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog

from authrim.clients.registration_quota import RegistrationQuota
from authrim.clients.terms import own_terms, settings_rules
from authrim.core.call import Call
from authrim.core.clients_and_keys import Configuration
from authrim.core.execute import Change, Executor, Outcome
from authrim.core.origin import Origin
from authrim.crypto import strict_json
from authrim.crypto.strict_json import JsonRefused
from authrim.memory.lru_cache import LruCache
from authrim.outside.egress import Egress, EgressRefused, FetchResult
from authrim.settings import Settings
from authrim.store import codec
from authrim.store.contract import Store
from domain.client import client as clients
from domain.client import client_id_url
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.decision import Decision, refuse
from domain.errors import Refusal
from domain.registration import admission as client_admission
from domain.registration import documents as registration_metadata
from domain.registration.admission import Admission
from domain.registration.dynamic import defaults_for
from domain.registration.invalid_metadata import invalid
from domain.registration.lifecycle import RegisterClient, decide_register, decide_update
from domain.registration.resource_server import client_id_refusal
from domain.stream import CLIENT, client_stream
from domain.units import MICROSECONDS
from projections.followed import METADATA_DOCUMENT

log = structlog.get_logger(__name__)

#: The source of these registrations.
SOURCE: Final = "metadata_document"
#: The largest document in bytes.
MAX_DOCUMENT: Final = 16_384
#: How many documents have their age remembered. Others are fetched again.
_REMEMBERED: Final = 10_000


class ClientDocuments:
    """Keeps the recorded state of these clients up to date with their documents."""

    def __init__(
        self, store: Store, egress: Egress, configuration: Configuration, executor: Executor,
        settings: Settings, *, on: bool,
    ) -> None:  # fmt: skip
        self._store = store
        self._egress = egress
        self._configuration = configuration
        self._executor = executor
        self._settings = settings
        self._on = on
        self._fresh_until: LruCache[tuple[str, str], float] = LruCache(_REMEMBERED)
        self._fetching: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def current(self, call: Call, client_id: str) -> Client | None:
        """The client with that id, updated from its document if it has one; None when it is neither registered nor
        described."""
        if (
            self._on
            and client_id_url.looks_like_one(client_id)
            and not await self._is_current(call, client_id)
        ):
            return None
        return await self._configuration.client(call.tenant, client_id)

    async def known(self, call: Call, client_id: str) -> Client | None:
        """The client with that id as last recorded. A document is fetched only when nothing is recorded."""
        client = await self._configuration.client(call.tenant, client_id)
        return client if client is not None else await self.current(call, client_id)

    async def _is_current(self, call: Call, client_id: str) -> bool:
        key = (call.tenant, client_id)
        if self._is_fresh(key):
            return True
        if client_id_url.problem(client_id):
            return False
        async with self._fetching.setdefault(key, asyncio.Lock()):
            if self._is_fresh(key):
                return True
            return await self._fetched_and_recorded(call, client_id)

    def _is_fresh(self, key: tuple[str, str]) -> bool:
        return (self._fresh_until.get(key) or 0.0) > monotonic()

    async def _fetched_and_recorded(self, call: Call, client_id: str) -> bool:
        """Fetch the document and record what has changed. Failures are never cached (the draft's §4.4)."""
        is_new = await self._configuration.client(call.tenant, client_id) is None
        quota = RegistrationQuota(self._store, self._settings, call, "client-document")
        if await quota.minute_is_over() or (is_new and await quota.hour_is_full()):
            return False  # anybody can send any address, so the fetches for one source are limited (A201)
        try:
            fetched = await self._egress.fetch(client_id, limit=MAX_DOCUMENT, client=client_id)
        except EgressRefused:
            return False
        fields = _read(fetched, client_id)
        refusal = fields if isinstance(fields, Refusal) else await self._record(call, client_id, fields)
        if refusal is not None:
            log.warning("client_document.refused", what=refusal.description)
            return False
        if is_new:
            await quota.count_client()
        until = monotonic() + self._settings.client_metadata_document_cache_seconds
        self._fresh_until.put((call.tenant, client_id), until)
        return True

    async def _record(self, call: Call, client_id: str, fields: dict[str, Any]) -> Refusal | None:
        refusal = client_id_refusal(client_id, self._configuration.resources(call.tenant))
        if refusal is not None:
            return refusal
        stream = client_stream(call.tenant, client_id)

        async def attempt() -> Outcome[Client]:
            read = await self._store.read_stream(stream)
            events = codec.decode_stream(CLIENT, read)
            client, admission = clients.fold(events), client_admission.fold(events)
            decision = self._decide(client, admission, client_id, fields, read.now // MICROSECONDS)
            changes = (Change(stream, read.version, decision.events, client),) if decision.events else ()
            return Outcome(decision.answer, changes)

        origin = Origin(call.tenant, call.trace, call.address, client_id).allowed_by(METADATA_DOCUMENT)
        answer = await self._executor.until_it_fits(origin, attempt, stream, on_configuration=False)
        await self._configuration.catch_up()
        return answer if isinstance(answer, Refusal) else None

    def _decide(
        self, client: Client, admission: Admission, client_id: str, fields: dict[str, Any], now: int
    ) -> Decision[Client]:
        """Apply the same policy as for a registration. A shared secret is refused, because nobody could have received
        it."""
        settings = self._settings
        rules = settings_rules(settings)
        profile = client.metadata.profile if client.exists else rules.profile
        defaults = defaults_for(profile, settings.signing_algorithms)
        own = client.metadata if client.exists else ClientMetadata(
            profile=profile, access_token_signing_alg=defaults["access_token_signing_alg"]
        )  # fmt: skip
        if "none" in PROFILES[profile].client_auth_methods:
            defaults["token_endpoint_auth_method"] = "none"  # noqa: S105 - the name of a method
        stays = client_admission.left_out(admission, own, fields)
        metadata = registration_metadata.whole(fields, own, {**defaults, "scope": rules.scope, **stays})
        refusal = _shared_secret_refusal(metadata) or _sector_refusal(metadata)
        if refusal is not None:
            return refuse(refusal)
        terms = own_terms(settings, rules, admission)
        if client.client_id:
            return decide_update(client, metadata, now, terms)
        return decide_register(client, RegisterClient(client_id, metadata, terms=terms, source=SOURCE), now)


def _read(fetched: FetchResult, client_id: str) -> dict[str, Any] | Refusal:
    """The client metadata of a document, which must name its own address as ``client_id`` (the draft's §4, §4.1)."""
    try:
        document = strict_json.loads(fetched.body, max_bytes=MAX_DOCUMENT)
    except JsonRefused as refused:
        return invalid(
            "client_id", f"has a document that is not valid: {refused}.", hint="Serve one JSON object."
        )
    if not isinstance(document, dict) or document.get("client_id") != client_id:
        return invalid(
            "client_id", "differs from the address of its document.", hint="Write exactly that address."
        )
    for name in ("client_secret", "client_secret_expires_at"):
        if name in document:
            return invalid(name, "is in a public document.", hint="Use keys, or no secret.")
    return registration_metadata.read(document)


def _sector_refusal(metadata: ClientMetadata) -> Refusal | None:
    """Only one document is fetched for such a client, so it cannot name a second one. Its sector is the host of its
    redirect URIs."""
    if metadata.sector_identifier_uri is None:
        return None
    return invalid(
        "sector_identifier_uri", "is not allowed for clients with a document.", hint="Leave it out."
    )


def _shared_secret_refusal(metadata: ClientMetadata) -> Refusal | None:
    if not Client(metadata=metadata).uses_secret:
        return None
    return invalid("token_endpoint_auth_method", "needs a secret.", hint="Use private_key_jwt or none.")
