"""The parts of a running server, created once at startup.

Each room owns one part and its key; ``server/app.py`` makes them all. A handler takes the parts that it needs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from time import time
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from authrim.audit.monitor.monitor import Monitor
from authrim.audit.readings import Readings
from authrim.core.clients_and_keys import Configuration
from authrim.core.execute import Executor
from authrim.core.refusals import Refusals
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.key_ring import KeyRing
from authrim.crypto.master import MasterKeys
from authrim.outside.egress import Egress
from authrim.settings import Settings
from authrim.store.read_back import ReadBack
from domain.inputs import Lifetimes
from domain.vocabulary import features as names
from domain.vocabulary.features import HYBRID, IMPLICIT, JARM, RESPONSE_TYPE_NONE
from domain.vocabulary.response_mode import FORM_POST, FRAGMENT, JARM_MODES, QUERY
from domain.vocabulary.response_type import CODE, HYBRID_TYPES, IMPLICIT_TYPES, NONE

T = TypeVar("T")


class Part(Generic[T]):
    """The key of a package's part, such as ``CLIENTS``."""

    def __init__(self, name: str) -> None:
        self.name = name


class Parts:
    """The parts of the packages, each under its key."""

    def __init__(self, parts: Mapping[Part[Any], Any]) -> None:
        self._parts = dict(parts)

    def __getitem__(self, key: Part[T]) -> T:
        """The part of a package. Raises KeyError if the server was created without it."""
        part: T = self._parts[key]
        return part


@dataclass(frozen=True, slots=True)
class Core:
    """The part that every package uses. ``features`` are the names of the features that are on.
    ``monitor`` proves the rules over the log, and counts what it finds broken. ``readings`` are for what may lag: no
    decision is made on them."""

    settings: Settings
    store: ReadBack
    configuration: Configuration
    executor: Executor
    key_ring: KeyRing
    master: MasterKeys
    private: PrivateData
    refusals: Refusals
    egress: Egress
    features: frozenset[str]
    monitor: Monitor
    readings: Readings

    @property
    def response_types(self) -> tuple[str, ...]:
        """The response types of the features that are on."""
        return response_types_of(self.features)

    @property
    def response_modes(self) -> tuple[str, ...]:
        """The response modes of the features that are on."""
        return response_modes_of(self.features)

    @property
    def token_lifetimes(self) -> Lifetimes:
        """The lifetimes of tokens, as far as no client or resource server has its own."""
        settings = self.settings
        return Lifetimes(
            settings.access_token_lifetime, settings.id_token_lifetime, settings.refresh_token_lifetime
        )

    @property
    def refresh_grace(self) -> tuple[int, int]:
        """How long in seconds, and how often, a used refresh token is still accepted."""
        return self.settings.refresh_grace_seconds, self.settings.refresh_grace_count

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
def response_types_of(features: frozenset[str]) -> tuple[str, ...]:
    """The response types of some features."""
    by_feature = {IMPLICIT: IMPLICIT_TYPES, HYBRID: HYBRID_TYPES, RESPONSE_TYPE_NONE: (NONE,)}
    return (CODE, *_of_features(by_feature, features))


@lru_cache
def response_modes_of(features: frozenset[str]) -> tuple[str, ...]:
    """The response modes of some features."""
    by_feature = {names.FORM_POST: (FORM_POST,), JARM: JARM_MODES}
    return (QUERY, FRAGMENT, *_of_features(by_feature, features))


def _of_features(by_feature: Mapping[str, tuple[str, ...]], features: frozenset[str]) -> Iterator[str]:
    return (value for name, values in by_feature.items() if name in features for value in values)
