"""The parts of a server, created once from its settings and its store, each under the key of its package."""

from urllib.parse import urlsplit

from authrim.auditor.event_stream.part import EVENT_STREAMS, EventStreams
from authrim.auditor.part import AUDITING, Auditing
from authrim.authorization.fetched_request_objects import RequestObjects
from authrim.authorization.part import AUTHORIZATION, Authorization
from authrim.clients.attesters import client_attesters
from authrim.clients.documents import ClientDocuments
from authrim.clients.keys import ClientKeys
from authrim.clients.part import CLIENTS, Clients
from authrim.clients.secrets import ClientSecrets
from authrim.core.growth import GROWTH, Growth
from authrim.core.parts import Core, Parts
from authrim.core.rate_limits import RATE_LIMITS, RateLimits
from authrim.crypto.passwords import PasswordCost, Passwords
from authrim.pages.pages import Pages
from authrim.people.checks_under_way import ChecksUnderWay
from authrim.people.part import PEOPLE, People
from authrim.protocol.client_chain import ClientChains
from authrim.protocol.software_statement import SoftwareStatements
from authrim.server.wired_core import make_core
from authrim.settings import Settings
from authrim.signals.waiting import SIGNALS, Signals
from authrim.store.read_back import ReadBack
from authrim.tokens.access_tokens import AccessTokens
from authrim.tokens.log_positions import PositionWaits
from authrim.tokens.part import TOKENS, Tokens
from authrim.web.call import CORE, PAGES
from domain.vocabulary.features import CLIENT_ID_METADATA


async def make_parts(settings: Settings, store: ReadBack) -> Parts:
    """The parts of a server over an open store; its keys are made when there are none.

    Raises WrongMasterKeys, with nothing written, when the master keys are not those of the database.
    """
    core = await make_core(settings, store)
    return Parts(
        {
            CORE: core,
            PAGES: Pages(urlsplit(settings.issuer).path),
            CLIENTS: _clients(core),
            PEOPLE: People(_passwords(settings), ChecksUnderWay()),
            TOKENS: Tokens(
                AccessTokens(store, core.configuration, core.key_ring, settings.issuer),
                PositionWaits(store, core.configuration),
            ),
            AUDITING: Auditing(),
            GROWTH: Growth(store),
            SIGNALS: Signals(),
            EVENT_STREAMS: EventStreams(settings.event_streams, settings.event_streams_per_client),
            AUTHORIZATION: Authorization(RequestObjects(core.egress)),
            RATE_LIMITS: RateLimits(store),
        }
    )


def _clients(core: Core) -> Clients:
    settings, on = core.settings, CLIENT_ID_METADATA in core.features
    return Clients(
        documents=ClientDocuments(
            core.store, core.egress, core.configuration, core.executor, settings, on=on
        ),
        keys=ClientKeys(core.egress, settings),
        secrets=ClientSecrets(core.store, core.master),
        chains=ClientChains(settings.tls_client_anchors, settings.tls_client_crls),
        attesters=client_attesters(settings),
        software_statements=SoftwareStatements.from_file(settings.software_statement_issuers),
    )


def _passwords(settings: Settings) -> Passwords:
    cost = PasswordCost(settings.argon2_memory, settings.argon2_time_cost, settings.argon2_parallelism)
    return Passwords(settings.password_workers, settings.password_queue_limit, cost)
