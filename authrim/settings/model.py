"""The settings as one frozen value, with the rules that concern several of them."""

from collections.abc import Iterable
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, PrivateAttr, model_validator

from authrim.settings.groups import (
    Acme,
    Evidence,
    Keys,
    Log,
    Metrics,
    Output,
    Outside,
    Passwords,
    Privacy,
    Registration,
    Reports,
    Requests,
    Server,
    Siem,
    SignIn,
    Streams,
    Tls,
    Tokens,
    Traces,
    Transparency,
)
from authrim.settings.kinds import POSTGRES_SCHEMES, is_loopback
from authrim.settings.schedules import Schedule, schedule_of


class Settings(
    Server, Tls, Acme, Log, Transparency, Keys, Tokens, Requests, SignIn, Passwords, Registration, Privacy, Outside,
    Evidence, Reports, Streams, Siem, Output, Metrics, Traces,
):  # fmt: skip
    """Everything that can be set. ``load`` makes one from what is configured."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)

    _master_keys_place: str = PrivateAttr(default="master_keys")
    _passed_over: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _http_only_on_this_machine(self) -> Self:
        url = urlsplit(self.issuer)
        if self.development:
            if not is_loopback(url.hostname or "") or not all(map(is_loopback, self.host)):
                raise ValueError(
                    "development: is for this machine only: set issuer and host to localhost, or remove it"
                )
        elif url.scheme != "https":
            raise ValueError(
                "issuer: must begin with https:// (OpenID Connect Discovery §3); for a try: authrim dev"
            )
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            given, missing = (
                ("tls_key", "tls_certificate") if self.tls_key else ("tls_certificate", "tls_key")
            )
            raise ValueError(f"{given}: is set without {missing}: set both, or neither")
        if self.tls_certificate is not None:
            return self
        if self.tls_client_certificates != "none":
            raise ValueError("tls_client_certificates: needs tls_certificate and tls_key: set them")
        if self.mtls_port is not None:
            raise ValueError("mtls_port: needs tls_certificate and tls_key: set them")
        if self.acme_directory is not None:
            raise ValueError(
                "acme_directory: needs tls_certificate and tls_key: set the files it shall write"
            )
        return self

    @model_validator(mode="after")
    def _proxies_know_a_secret(self) -> Self:
        if self.client_cert_proxies and self.client_cert_secret is None:
            raise ValueError("client_cert_proxies: is set without client_cert_secret: set both, or neither")
        if (
            self.client_cert_secret is not None
            and not self.client_cert_proxies
            and self.listen_socket is None
        ):
            raise ValueError(
                "client_cert_secret: is set without client_cert_proxies: say who sends it by that, or by listen_socket"
            )
        if self.trusted_proxy_socket and self.listen_socket is None:
            raise ValueError("trusted_proxy_socket: is set without listen_socket: set both, or neither")
        if self.tls_client_crls is not None and self.tls_client_anchors is None:
            raise ValueError("tls_client_crls: is set without tls_client_anchors: set both, or neither")
        return self

    @model_validator(mode="after")
    def _mtls_url_is_https(self) -> Self:
        if self.mtls_url is not None and urlsplit(self.mtls_url).scheme != "https":
            raise ValueError("mtls_url: must begin with https:// (RFC 8705 §5)")
        if self.mtls_port is not None and self.mtls_port == self.port:
            raise ValueError("mtls_port: is the same as port: give it another number")
        return self

    @model_validator(mode="after")
    def _one_writer_for_sqlite(self) -> Self:
        if self.workers > 1 and self.postgres_dsn is None:
            raise ValueError(
                "workers: SQLite has one server process: set it to 1, or database to a postgresql:// address"
            )
        return self

    @model_validator(mode="after")
    def _replica_is_of_postgres(self) -> Self:
        if self.database_replica is not None and self.postgres_dsn is None:
            raise ValueError(
                "database_replica: SQLite has no standby: remove it, or set database to a postgresql:// address"
            )
        return self

    @model_validator(mode="after")
    def _quorum_can_be_met(self) -> Self:
        if self.witness_quorum > len(self.witnesses):
            raise ValueError(
                "witness_quorum: is more than there are witnesses: name more of them, or lower it"
            )
        return self

    @model_validator(mode="after")
    def _scheduled_evidence_has_a_place(self) -> Self:
        if self.report_schedule and self.report_directory is None and not self.report_command:
            raise ValueError(
                "report_schedule: is set without a place: set report_directory, report_command, or both"
            )
        ids = [schedule.id for schedule in self.schedules]
        if len(ids) != len(set(ids)):
            raise ValueError("report_schedule: has the same report and period twice: leave one out")
        return self

    @model_validator(mode="after")
    def _token_is_whole(self) -> Self:
        names = ("pkcs11_module", "pkcs11_token", "pkcs11_pin")
        given = [name for name in names if getattr(self, name) is not None]
        if given and len(given) < len(names):
            missing = ", ".join(name for name in names if name not in given)
            raise ValueError(f"{given[0]}: is set without {missing}: set all three, or none")
        return self

    @model_validator(mode="after")
    def _has_a_master_key(self) -> Self:
        if not self.master_keys:
            raise ValueError(
                "master_keys: is needed: make one with "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' and keep it safe"
            )
        return self

    @property
    def background_place(self) -> Literal["process", "inside", "none"]:
        """Where the background work runs: in a process of its own, inside the server processes, or not here."""
        if self.background == "auto":
            return "inside" if self.postgres_dsn is None else "process"
        return self.background

    @property
    def master_key_texts(self) -> tuple[str, ...]:
        """The master keys as they are written, the current one first. Never to be logged."""
        return tuple(key.get_secret_value() for key in self.master_keys)

    @property
    def next_master_key_text(self) -> str | None:
        """The master key that becomes the first one next, as it is written, or None. Never to be logged."""
        return None if self.next_master_key is None else self.next_master_key.get_secret_value()

    @property
    def master_keys_place(self) -> str:
        """Where the master keys were read: a variable, a setting in a file, or a file of their own."""
        return self._master_keys_place

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Variables that have the name of a setting, and a value that only a container platform makes."""
        return self._passed_over

    def read_from(self, master_keys_place: str, passed_over: Iterable[str] = ()) -> "Settings":
        """These settings, which know where they come from."""
        self._master_keys_place = master_keys_place
        self._passed_over = tuple(passed_over)
        return self

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """What is written without anybody asking."""
        return tuple(map(schedule_of, self.report_schedule))

    @property
    def key_algorithms(self) -> tuple[str, ...]:
        """All algorithms that the server keeps keys of its own for."""
        return (*self.signing_algorithms, *self.encryption_algorithms)

    @property
    def postgres_dsn(self) -> str | None:
        """The address of the PostgreSQL database, with its password, or None. Never to be logged."""
        value = self.database.get_secret_value()
        return value if value.startswith(tuple(f"{scheme}://" for scheme in POSTGRES_SCHEMES)) else None
