"""How people reach the server over TLS: one entry for each way that ``authrim setup`` offers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import click

from authrim.commands._setup_answers import Answers, Unusable
from authrim.settings import Settings
from authrim.wire.acme import require_library
from authrim.wire.certificate_order import NoCertificate
from authrim.wire.tls import Tls, UnusableCertificate

#: Where the server listens for a proxy on the same machine.
_PROXY_PORT: Final = 8080
_LOOPBACK: Final = ("127.0.0.1/32", "::1/128")
#: Where it listens itself: a port that needs no privilege.
_OWN_PORT: Final = 8443
#: Where it answers the authority, by ACME, and what it keeps in the folder that the service may write to.
_HTTP_PORT: Final = 8080
_DIRECTORY: Final = "https://acme-v02.api.letsencrypt.org/directory"
_CERTIFICATE: Final = Path("/var/lib/authrim/tls/server.pem")
_KEY: Final = Path("/var/lib/authrim/tls/server.key")

_NGINX: Final = """\
server {{
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {host};
    ssl_certificate /etc/ssl/{host}.pem;        # the certificate, then those of its issuers
    ssl_certificate_key /etc/ssl/{host}.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    client_max_body_size 1m;

    location / {{
        proxy_pass http://{upstream};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header Client-Cert "";
        proxy_set_header Client-Cert-Chain "";
        proxy_buffering off;                    # streams of events are sent as they happen
    }}
}}
"""


class TlsWay(NamedTuple):
    """One way. ``fields``: the settings that it needs. ``ask``: its own questions, on a terminal. ``check``: refuses
    what cannot work, before anything is written. ``follows``: what is left to do, a line per step, then a text to
    paste."""

    says: str
    fields: Callable[[Answers], dict[str, Any]]
    ask: Callable[[], dict[str, Any]]
    check: Callable[[Settings], None]
    follows: Callable[[Settings], tuple[str, str]]


def way_of(name: str) -> TlsWay:
    """The way of that name. Raises Unusable."""
    if name not in WAYS:
        raise Unusable(f"tls: must be one of {', '.join(WAYS)}")
    return WAYS[name]


def follows_of(settings: Settings) -> tuple[str, str]:
    """What is left to do for the way that these settings have."""
    if settings.acme_directory:
        return WAYS["acme"].follows(settings)
    return WAYS["files" if settings.tls_certificate else "proxy"].follows(settings)


def _proxy_fields(answers: Answers) -> dict[str, Any]:
    _refuse_acme(answers)
    if answers.tls_certificate or answers.tls_key:
        raise Unusable(
            'tls_certificate: belongs to tls = "files"; with a proxy, the proxy has the certificate'
        )
    if answers.listen_socket is not None:
        if answers.proxies:
            raise Unusable(
                "proxies: a proxy comes by listen_socket or from an address: leave one of the two out"
            )
        return {"listen_socket": str(answers.listen_socket), "trusted_proxy_socket": True}
    return {"trusted_proxies": list(answers.proxies or _LOOPBACK)}


def _ask_proxy() -> dict[str, Any]:
    text = click.prompt(
        "Addresses or networks of the proxy, with commas", ",".join(_LOOPBACK), err=True, type=str
    )
    proxies = tuple(part.strip() for part in text.split(",") if part.strip())
    return {"proxies": proxies}


def _proxy_follows(settings: Settings) -> tuple[str, str]:
    upstream = (
        f"unix:{settings.listen_socket}:" if settings.listen_socket else f"{settings.host[0]}:{settings.port}"
    )
    text = _NGINX.format(host=urlsplit(settings.issuer).hostname, upstream=upstream)
    return "Let the proxy pass requests on. For nginx, with the paths of your certificate:", text


def _refuse_acme(answers: Answers) -> None:
    if answers.acme_directory or answers.acme_contact:
        raise Unusable('acme_directory, acme_contact: belong to tls = "acme"')


def _files_fields(answers: Answers) -> dict[str, Any]:
    _refuse_acme(answers)
    if answers.tls_certificate is None or answers.tls_key is None:
        raise Unusable('tls_certificate, tls_key: tls = "files" needs both')
    if answers.proxies or answers.listen_socket:
        raise Unusable('proxies, listen_socket: belong to tls = "proxy"')
    return {
        "tls_certificate": str(answers.tls_certificate),
        "tls_key": str(answers.tls_key),
        "host": ["::"],
        "port": _OWN_PORT,
    }


def _ask_files() -> dict[str, Any]:
    file = click.Path(exists=True, dir_okay=False, resolve_path=True)
    return {
        "tls_certificate": click.prompt(
            "The certificate, then those of its issuers (PEM)", err=True, type=file
        ),
        "tls_key": click.prompt("Its private key (PEM)", err=True, type=file),
    }


def _check_files(settings: Settings) -> None:
    """The files are read as the server reads them, by its own user."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return
    try:
        Tls(settings.tls_certificate, settings.tls_key, ask_clients=False)
    except UnusableCertificate as error:
        raise Unusable(f"{error}. The user that the server runs as must be able to read it") from None


def _files_follow(settings: Settings) -> tuple[str, str]:
    return (
        f"Let people reach port {settings.port} at {settings.issuer}. After a renewal of the certificate, send SIGHUP.",
        "",
    )


def _acme_fields(answers: Answers) -> dict[str, Any]:
    if answers.proxies or answers.listen_socket:
        raise Unusable('proxies, listen_socket: belong to tls = "proxy"')
    contact = {"acme_contact": answers.acme_contact} if answers.acme_contact else {}
    return {
        "acme_directory": answers.acme_directory or _DIRECTORY,
        **contact,
        "acme_http_port": _HTTP_PORT,
        "tls_certificate": str(answers.tls_certificate or _CERTIFICATE),
        "tls_key": str(answers.tls_key or _KEY),
        "host": ["::"],
        "port": _OWN_PORT,
    }


def _ask_acme() -> dict[str, Any]:
    directory = click.prompt("The directory of the certificate authority", _DIRECTORY, err=True, type=str)
    contact = click.prompt("A mail address for the authority, or nothing", "", err=True, type=str)
    return {"acme_directory": directory, "acme_contact": contact or None}


def _check_acme(_settings: Settings) -> None:
    try:
        require_library()
    except NoCertificate as error:
        raise Unusable(str(error)) from None


def _acme_follows(settings: Settings) -> tuple[str, str]:
    return (
        f"Lead port 443 of {urlsplit(settings.issuer).hostname} to port {settings.port} of this machine, and port 80 "
        f"to port {settings.acme_http_port}. The server obtains its certificate when it starts, and renews it.",
        "",
    )


#: Each way by its name in the answers.
WAYS: Final = {
    "proxy": TlsWay(
        "a reverse proxy does TLS", _proxy_fields, _ask_proxy, lambda _settings: None, _proxy_follows
    ),
    "files": TlsWay(
        "the server does TLS, with files", _files_fields, _ask_files, _check_files, _files_follow
    ),
    "acme": TlsWay(
        "the server does TLS, and obtains the certificate by ACME, as from Let's Encrypt",
        _acme_fields,
        _ask_acme,
        _check_acme,
        _acme_follows,
    ),
}
