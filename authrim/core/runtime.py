"""What the handlers share: made once when the server starts, and passed along by its name.

The one place of wiring is ``app.py``. Nothing here decides anything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from time import time
from urllib.parse import urlsplit

from aiohttp import web

from authrim.core.access_tokens import AccessTokens
from authrim.core.checks_under_way import ChecksUnderWay
from authrim.core.client_attesters import ClientAttesters
from authrim.core.client_documents import ClientDocuments
from authrim.core.client_keys import ClientKeys
from authrim.core.client_secrets import ClientSecrets
from authrim.core.clients_and_keys import Configuration
from authrim.core.execute import Executor
from authrim.core.refusals import Refusals
from authrim.core.request_objects import RequestObjects
from authrim.core.sealed_rows import PrivateData
from authrim.core.source_limiter import SourceLimiter
from authrim.crypto.key_ring import KeyRing
from authrim.crypto.master import MasterKeys
from authrim.crypto.passwords import Passwords
from authrim.outside.egress import Egress
from authrim.pages.pages import Pages
from authrim.protocol.client_chain import ClientChains
from authrim.protocol.software_statement import SoftwareStatements
from authrim.settings import Settings
from authrim.store.read_back import ReadBack
from domain.vocabulary.response_mode import FORM_POST, FRAGMENT, JARM_MODES, QUERY
from domain.vocabulary.response_type import CODE, HYBRID_TYPES, IMPLICIT_TYPES, NONE


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a running server. ``features`` are the names of those that are on."""

    settings: Settings
    store: ReadBack
    configuration: Configuration
    executor: Executor
    key_ring: KeyRing
    master: MasterKeys
    private: PrivateData
    refusals: Refusals
    passwords: Passwords
    access_tokens: AccessTokens
    pages: Pages
    limiter: SourceLimiter
    request_objects: RequestObjects
    egress: Egress
    client_documents: ClientDocuments
    client_keys: ClientKeys
    client_chains: ClientChains
    client_secrets: ClientSecrets
    client_attesters: ClientAttesters
    software_statements: SoftwareStatements
    features: frozenset[str]
    checks: ChecksUnderWay = field(default_factory=ChecksUnderWay)

    @property
    def response_types(self) -> tuple[str, ...]:
        """The response types of the features that are on."""
        return _response_types(self.features)

    @property
    def response_modes(self) -> tuple[str, ...]:
        """The response modes of the features that are on."""
        return _response_modes(self.features)

    @property
    def issuer(self) -> str:
        """The issuer identifier (RFC 8414 §2), exactly as configured."""
        return self.settings.issuer

    @property
    def origin(self) -> str:
        """The issuer's origin, as browsers spell it (RFC 6454 §6.2)."""
        parts = urlsplit(self.settings.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    def now(self) -> int:
        """The process clock in seconds, for what is decided without reading a stream (decisions.md 7)."""
        return int(time())

    def urls(self, path: str) -> tuple[str, ...]:
        """Every absolute URL that one of our paths has, those of other listeners too (RFC 8705 §5)."""
        elsewhere = self.settings.mtls_url
        return (self.url(path),) if elsewhere is None else (self.url(path), elsewhere + path)

    def urls_of_request(self, raw_path: str) -> tuple[str, ...]:
        """The same for the path that an HTTP request names, which begins with the issuer's own."""
        return self.urls(raw_path.removeprefix(urlsplit(self.settings.issuer).path))

    def url(self, path: str) -> str:
        """The absolute URL of one of our paths, always from the configured issuer and never from a Host header."""
        return self.settings.issuer + path


# Asked for by every authorization request, so each is made once.


@lru_cache
def _response_types(features: frozenset[str]) -> tuple[str, ...]:
    by_feature = {"implicit": IMPLICIT_TYPES, "hybrid": HYBRID_TYPES, "response_type_none": (NONE,)}
    return (CODE, *_of_features(by_feature, features))


@lru_cache
def _response_modes(features: frozenset[str]) -> tuple[str, ...]:
    by_feature = {"form_post": (FORM_POST,), "jarm": JARM_MODES}
    return (QUERY, FRAGMENT, *_of_features(by_feature, features))


def _of_features(by_feature: Mapping[str, tuple[str, ...]], features: frozenset[str]) -> Iterator[str]:
    return (value for name, values in by_feature.items() if name in features for value in values)


RUNTIME = web.AppKey("runtime", Runtime)
