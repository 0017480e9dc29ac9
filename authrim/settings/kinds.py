"""The kinds of value that a setting can have, each with its unit and the rule it keeps.

A rule that is broken raises ``ValueError`` with the fix in its text and never the value, which may be secret.
"""

import ipaddress
import re
import ssl
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, StringConstraints

from authrim.settings.schedules import schedule_of
from authrim.settings.spelling import browser_spelling
from domain.client.profile import PROFILES
from domain.vocabulary.scope import is_value as is_scope_value


class Group(BaseModel):
    """Settings of one subject, which ``Settings`` has with all others. They are only ever read together: so only it is
    made into a validator, and when the first value is read."""

    model_config = ConfigDict(defer_build=True)


class Unit(NamedTuple):
    """What a number counts, for the reference page."""

    name: str


Seconds = Annotated[int, Unit("seconds")]
Milliseconds = Annotated[int, Unit("milliseconds")]
Count = int
Bytes = Annotated[int, Unit("bytes")]
KibiBytes = Annotated[int, Unit("KiB")]

SigningAlgorithm = Literal["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
ClientCertificates = Literal["none", "request"]
DpopNonce = Literal["off", "profile", "required"]
EncryptionAlgorithm = Literal["RSA-OAEP-256", "ECDH-ES"]
Background = Literal["auto", "process", "inside", "none"]
LogFormat = Literal["json", "ecs", "pretty"]
RegistrationMode = Literal["off", "initial_access_token", "open"]
LogLevel = Literal["debug", "info", "warning", "error"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

POSTGRES_SCHEMES: Final = ("postgresql", "postgres")
_ADDRESS: Final = "postgresql://user:password@host:port/name"
# The beginning of libpq's other form, which would be taken for the name of a file.
_KEYWORDS: Final = re.compile(
    r"\s*(host|hostaddr|port|dbname|user|password|service|sslmode|sslrootcert|sslcert|sslkey|passfile|options|"
    r"connect_timeout|application_name|client_encoding|target_session_attrs|gssencmode|channel_binding)\s*="
)
_LOCAL_NAMES: Final = frozenset({"localhost"})
# 32 bytes are 42 characters and two thirds of one: the last stands for four bits, then two that are zero.
_MASTER_KEY: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def is_loopback(host: str) -> bool:
    """Whether a host name or address always means this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in _LOCAL_NAMES


def _is_log_name(value: str) -> str:
    """A key name of C2SP signed-note, which is the origin of checkpoints too."""
    if not value.isprintable() or "+" in value or any(c.isspace() for c in value):
        raise ValueError("must have no spaces and no plus sign: write it as login.example.com/log")
    return value


def _is_witness(value: str) -> str:
    """A verifier key and the URL of its witness."""
    key, _, url = value.partition(" ")
    if key.count("+") < 2 or urlsplit(url).scheme not in {"https", "http"} or " " in url:
        raise ValueError(
            "must be a verifier key and a URL: witness.example/w1+89abcdef+B… https://witness.example"
        )
    return value


def _comma_separated(value: object) -> object:
    """A list in an environment variable is written with commas; a TOML array comes as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _semicolon_separated(value: object) -> object:
    """A list in the environment whose members have commas."""
    return (
        tuple(part for item in value.split(";") if (part := item.strip()))
        if isinstance(value, str)
        else value
    )


def _is_issuer(value: str) -> str:
    """An issuer identifier (RFC 8414 §2): an absolute URL without query and fragment, as browsers spell it."""
    url = urlsplit(value)
    if url.scheme not in {"https", "http"} or not url.hostname:
        raise ValueError("must be an absolute URL: write it as https://login.example.com")
    if "?" in value or "#" in value:
        raise ValueError("must have no query and no fragment (RFC 8414 §2): remove what follows the path")
    if value.endswith("/"):
        raise ValueError("must not end with a slash, since paths are appended to it: remove the slash")
    if url.username is not None or url.password is not None:
        raise ValueError("must hold no user name and no password: remove what stands before the @")
    spelled = browser_spelling(value)
    if spelled != value:
        raise ValueError(
            f"must be spelled as browsers spell it, or no page would work: write it as {spelled}"
        )
    return value


def _is_host(value: str) -> str:
    """A host in the spelling that browsers use in ``Host``."""
    try:
        spelled = browser_spelling(f"https://{value}").removeprefix("https://")
    except ValueError:
        spelled = ""
    if not spelled or "/" in spelled or spelled.endswith("."):
        raise ValueError("must be host names without port, such as login.example.com")
    if spelled != value:
        raise ValueError(f"must be spelled as browsers spell it: write it as {spelled}")
    if ":" in spelled.partition("]")[2] or (":" in spelled and not spelled.startswith("[")):
        raise ValueError("must be host names without port, such as login.example.com")
    return value


def _is_scope(values: tuple[str, ...]) -> tuple[str, ...]:
    if all(is_scope_value(value) for value in values):
        return values
    raise ValueError("must be single scope values (RFC 6749 §3.3): give each one by itself, without spaces")


def _is_header_value(value: SecretStr) -> SecretStr:
    """A value that a header carries unchanged: surrounding space would be removed (RFC 9110 §5.5)."""
    secret = value.get_secret_value()
    if secret.isascii() and secret.isprintable() and secret == secret.strip():
        return value
    raise ValueError("must be printable ASCII without space around it, or no header can hold it")


def _is_master_key(value: SecretStr) -> SecretStr:
    if not _MASTER_KEY.fullmatch(value.get_secret_value()):
        raise ValueError(
            "must be 32 random bytes as base64url without padding (43 characters): make one with "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return value


def _is_database(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.strip():
        raise ValueError("must not be empty: name a file (SQLite) or a postgresql:// address")
    scheme, separator, rest = text.partition("://")
    if separator and scheme not in POSTGRES_SCHEMES:
        raise ValueError("must be a file name alone (SQLite) or begin with postgresql:// (PostgreSQL)")
    if separator and (any(character.isspace() for character in rest) or not rest):
        raise ValueError(f"must be an address: write it as {_ADDRESS}, with %20 for a space")
    if not separator and (
        _KEYWORDS.match(text) or text.startswith(tuple(f"{name}:" for name in POSTGRES_SCHEMES))
    ):
        raise ValueError(f"reads like PostgreSQL and is not its address: write host=… dbname=… as {_ADDRESS}")
    if not separator and text.startswith(("file:", "sqlite:", ":memory:")):
        raise ValueError("must be a file name alone for SQLite, without file: or sqlite: before it")
    return value


def _is_postgres(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(tuple(f"{scheme}://" for scheme in POSTGRES_SCHEMES)):
        raise ValueError(f"must be the address of a PostgreSQL database: write it as {_ADDRESS}")
    return _is_database(value)


def _is_language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise ValueError("must be a language tag (RFC 5646) such as en or de-AT")
    return value


def _is_destination(value: str) -> str:
    """A host name, an address or a network, in lower case."""
    lowered = value.lower()
    try:
        return str(ipaddress.ip_network(lowered))
    except ValueError:
        if not _HOST.fullmatch(lowered) or lowered.rpartition(".")[2].isdigit():
            raise ValueError(
                "must be host names, addresses or networks without host bits, such as apps.example.com or 10.0.0.0/8"
            ) from None
    return lowered


def _holds_authorities(value: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
    except OSError:
        raise ValueError("must be a readable file with certificates in PEM") from None
    return value


def _is_schedule(value: str) -> str:
    schedule_of(value)
    return value


def _holds_certificate(value: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(value)
    except OSError:
        raise ValueError("must be a readable file with a certificate and its private key in PEM") from None
    return value


def _is_host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("must be host:port, such as siem.example:6514")
    return value


def _is_metrics_address(value: str) -> str:
    if value.startswith("/"):
        return value
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(
            "must be host:port, such as 127.0.0.1:9464, or the path of a socket that begins with /"
        )
    return value


def _is_collector(value: str) -> str:
    url = urlsplit(value)
    if url.scheme not in {"https", "http"} or not url.hostname:
        raise ValueError("must be an absolute URL, such as http://127.0.0.1:4318/v1/traces")
    if url.username is not None or url.password is not None:
        raise ValueError("must hold no user name and no password: set trace_export_authorization")
    return value


def _is_profile(value: str) -> str:
    if value not in PROFILES:
        raise ValueError(f"must be one of {', '.join(PROFILES)}")
    return value


def _is_acme_directory(value: str) -> str:
    url = urlsplit(value)
    if url.scheme != "https" or not url.hostname or url.username is not None:
        raise ValueError("must be an https URL, such as https://acme-v02.api.letsencrypt.org/directory")
    return value


AcmeDirectory = Annotated[str, AfterValidator(_is_acme_directory)]
Issuer = Annotated[str, AfterValidator(_is_issuer)]
Language = Annotated[str, AfterValidator(_is_language)]
Database = Annotated[SecretStr, AfterValidator(_is_database)]
PostgresAddress = Annotated[SecretStr, AfterValidator(_is_postgres)]
#: PKCS #11 §3.2: 32 bytes, padded with spaces.
TokenLabel = Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=r"^[!-~]([ -~]*[!-~])?$")]
MasterKey = Annotated[SecretStr, AfterValidator(_is_master_key)]
MasterKeyList = Annotated[tuple[MasterKey, ...], BeforeValidator(_comma_separated)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_comma_separated)]
DestinationNames = Annotated[
    tuple[Annotated[str, AfterValidator(_is_destination)], ...], BeforeValidator(_comma_separated)
]
TrustedAuthorities = Annotated[Path, AfterValidator(_holds_authorities)]
CertificateWithKey = Annotated[Path, AfterValidator(_holds_certificate)]
HostAndPort = Annotated[str, StringConstraints(max_length=261), AfterValidator(_is_host_and_port)]
MetricsAddress = Annotated[str, StringConstraints(max_length=261), AfterValidator(_is_metrics_address)]
CollectorAddress = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_is_collector)]
LogName = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_is_log_name)]
Witnesses = Annotated[
    tuple[Annotated[str, AfterValidator(_is_witness)], ...], BeforeValidator(_comma_separated)
]
Schedules = Annotated[
    tuple[Annotated[str, AfterValidator(_is_schedule)], ...], BeforeValidator(_semicolon_separated)
]
Algorithms = Annotated[tuple[SigningAlgorithm, ...], BeforeValidator(_comma_separated)]
EncryptionAlgorithms = Annotated[tuple[EncryptionAlgorithm, ...], BeforeValidator(_comma_separated)]
Names = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]
Scopes = Annotated[Names, AfterValidator(_is_scope)]
HostNames = Annotated[tuple[Annotated[str, AfterValidator(_is_host)], ...], BeforeValidator(_comma_separated)]
HeaderSecret = Annotated[SecretStr, AfterValidator(_is_header_value)]
ProfileName = Annotated[str, AfterValidator(_is_profile)]
