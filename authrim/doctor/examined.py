"""What the checks look at: the settings, the database, and the server as it answers at its issuer.

What one check has learned and others need is kept here, so nothing is asked twice.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import time
from urllib.parse import SplitResult, urlsplit

from authrim.core.master_proof import WrongMasterKeys, master_keys_of
from authrim.core.parts import Core
from authrim.core.seen_request import SeenRequest
from authrim.crypto.master import MasterKeys
from authrim.doctor.needs import Needs
from authrim.doctor.outside_client import OutsideClient
from authrim.features.mtls import sees_certificates
from authrim.settings import Settings
from authrim.store.postgres.inspection import Inspection
from authrim.store.read_back import ReadBack


@dataclass(frozen=True, slots=True)
class Options:
    """How the server is examined. ``config`` is the file of the settings. ``address`` is asked in place of those that
    DNS has for the issuer. ``ca_file`` has authorities that are trusted beside the system's. ``sign_in``: sign in with
    an account that is made for it."""

    config: Path | None = None
    address: str | None = None
    ca_file: Path | None = None
    sign_in: bool = False


@dataclass
class Examined:
    """The server under examination."""

    settings: Settings
    options: Options
    outside: OutsideClient
    store: ReadBack | None = None
    core: Core | None = None
    inspection: Inspection | None = None
    #: Whether the database shows that these are its master keys, or why not.
    proof: bool | WrongMasterKeys = False
    #: Whether the server's discovery document came from the issuer.
    answers: bool = False
    #: Whether the issuer shows the certificate of ``tls_certificate``, so that TLS ends in the server.
    shows_own_certificate: bool = False
    #: The ``Date`` of that answer, less our own clock, in seconds.
    outside_skew: float | None = None
    #: What the server saw of a plain request, and our own port of the connection.
    seen: SeenRequest | None = None
    seen_from_port: int = 0

    @property
    def issuer(self) -> SplitResult:
        """The parts of the issuer."""
        return urlsplit(self.settings.issuer)

    @property
    def host(self) -> str:
        """The host of the issuer."""
        return self.issuer.hostname or ""

    @property
    def port(self) -> int:
        """The port of the issuer."""
        return port_of(self.issuer)

    @cached_property
    def master(self) -> MasterKeys:
        """The master keys of the settings."""
        return master_keys_of(self.settings)

    @property
    def opened_store(self) -> ReadBack:
        """The store, for checks that need it."""
        assert self.store is not None
        return self.store

    @property
    def read_core(self) -> Core:
        """The core that the settings make over the store, for checks that need the store."""
        assert self.core is not None
        return self.core

    @property
    def inspected(self) -> Inspection:
        """What PostgreSQL says of itself, for checks that need it."""
        assert self.inspection is not None
        return self.inspection

    @property
    def seen_request(self) -> SeenRequest:
        """What the server saw of a plain request, for checks that need it."""
        assert self.seen is not None
        return self.seen

    def missing(self, needs: tuple[Needs, ...]) -> str:
        """Why a check with these needs cannot look; empty when it can."""
        return next((need.value for need in needs if not self._has(need)), "")

    def _has(self, need: Needs) -> bool:
        match need:
            case Needs.STORE:
                return self.core is not None
            case Needs.POSTGRES:
                return self.settings.postgres_dsn is not None
            case Needs.SETTINGS_ON_POSTGRES:
                return self.inspection is not None
            case Needs.HTTPS:
                return self.issuer.scheme == "https"
            case Needs.ANSWERS:
                return self.answers
            case Needs.SEEN:
                return self.seen is not None
            case Needs.CLIENT_CERTIFICATES:
                return sees_certificates(self.settings)
            case Needs.SIGN_IN:
                return self.options.sign_in

    def now(self) -> int:
        """This machine's clock, in seconds."""
        return int(time())


def port_of(url: SplitResult) -> int:
    """The port of a URL."""
    return url.port or (443 if url.scheme == "https" else 80)
