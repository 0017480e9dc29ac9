"""What a proxy makes of headers: the doctor sends forged ones, and asks the server what came of them (A225, A091)."""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from aiohttp import hdrs

from authrim.core.seen_request import SeenRequest
from authrim.doctor.asking import NotSeen, ask_server
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.doctor.outside_client import NoAnswer
from authrim.protocol.mtls import thumbprint

NOT_TRUSTED: Final = Problem(
    "proxy_headers.not_trusted",
    "fault",
    "The server does not trust its proxy, so all people count as one address: one attacker locks everybody out.",
    "Add the proxy's address to trusted_proxies; behind listen_socket, set trusted_proxy_socket = true.",
)
FORGED: Final = Problem(
    "proxy_headers.forged",
    "fault",
    "Everybody can choose the address that they count as, and so get around every limit.",
    "Let the proxy add the address to X-Forwarded-For (nginx: proxy_set_header X-Forwarded-For "
    "$proxy_add_x_forwarded_for; HAProxy: option forwardfor), and set trusted_proxy_depth to the number of proxies.",
)
MISSING: Final = Problem(
    "proxy_headers.missing",
    "fault",
    "The proxy does not say whom it speaks for, so all people count as one address.",
    "Let the proxy send X-Forwarded-For (nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; "
    "HAProxy: option forwardfor).",
)
DEPTH: Final = Problem(
    "proxy_headers.depth",
    "fault",
    "Fewer proxies add an address than the settings say, so all people count as one address.",
    "Set trusted_proxy_depth to the number of proxies between people and the server.",
)
DIRECT: Final = Problem(
    "proxy_headers.direct",
    "warning",
    "The server was reached without its proxy, from an address whose forwarding headers it trusts.",
    "Let a firewall admit the proxy alone, or set host to 127.0.0.1, or narrow trusted_proxies.",
)
HOST: Final = Problem(
    "proxy_headers.host",
    "warning",
    "The proxy sends another Host than the client did.",
    "nginx: proxy_set_header Host $http_host; Apache: ProxyPreserveHost On.",
)
LOST: Final = Problem(
    "proxy_headers.lost",
    "fault",
    "Headers that clients authenticate with do not reach the server.",
    "Let the proxy pass on Authorization, DPoP and Cookie.",
)
CERTIFICATE: Final = Problem(
    "proxy_headers.certificate",
    "fault",
    "Everybody can authenticate with any certificate: the proxy passes on a Client-Cert that its client sent.",
    "Let the proxy overwrite Client-Cert on every listener, also with nothing where there is no certificate. "
    'nginx: proxy_set_header Client-Cert ""; HAProxy: http-request del-header Client-Cert.',
)
CERTIFICATE_PASSED_ON: Final = Problem(
    "proxy_headers.certificate_passed_on",
    "warning",
    "The proxy passes on a Client-Cert that its client sent. The server ignores it without the secret.",
    "Let the proxy remove Client-Cert, Client-Cert-Chain and Client-Cert-Secret from what its clients send.",
)

#: Of RFC 5737: nobody has it.
_FORGED_ADDRESS: Final = "192.0.2.77"
_WANTED: Final = ("authorization", "dpop", "cookie")
_CLIENT_CERT: Final = "Client-Cert"


async def _examine(examined: Examined) -> Sequence[Finding]:
    sent = {
        hdrs.X_FORWARDED_FOR: _FORGED_ADDRESS,
        hdrs.AUTHORIZATION: "Bearer doctor",
        hdrs.COOKIE: "doctor=1",
        "DPoP": "doctor",
    }
    depth = examined.settings.trusted_proxy_depth
    try:
        seen, answer = await ask_server(examined, sent)
    except (NoAnswer, NotSeen) as not_seen:
        return [LOST.found(str(not_seen)), *await _forged_certificates(examined)]
    return [
        *_forwarding(seen, depth, proxied=_is_proxied(examined, seen, answer.port)),
        *_passed_on(examined, seen),
        *await _forged_certificates(examined),
    ]


async def _forged_certificates(examined: Examined) -> list[Finding]:
    """Sent to every address of the server. They are no certificates, but the server would only see that later."""
    if examined.settings.client_cert_secret is None:
        return []
    found, der = [], secrets.token_bytes(24)
    forged = {_CLIENT_CERT: f":{b64encode(der).decode()}:"}
    for base in filter(None, (examined.settings.issuer, examined.settings.mtls_url)):
        try:
            seen, _ = await ask_server(examined, forged, base=base)
        except (NoAnswer, NotSeen):
            continue  # nothing forged came through; the check of client certificates says when nothing else does
        if seen.client_certificate == thumbprint(der):
            found.append(CERTIFICATE.found(base))
        elif seen.client_certificate or (_CLIENT_CERT.lower() in seen.headers and not _is_overwritten(seen)):
            found.append(CERTIFICATE_PASSED_ON.found(base))
    return found


def _is_overwritten(seen: SeenRequest) -> bool:
    """nginx sends an empty header, with the secret beside it, when its client has no certificate."""
    return "client-cert-secret" in seen.headers


def _is_proxied(examined: Examined, seen: SeenRequest, port: int) -> bool:
    """Whether HTTP passes through somebody. It is another connection then than ours; so it is behind an address that is
    translated, which leaves alone what is in it."""
    if seen.forwarded_for != (_FORGED_ADDRESS,):
        return True
    return (not seen.peer or seen.peer_port != port) and not (seen.secure and examined.shows_own_certificate)


def _forwarding(seen: SeenRequest, depth: int, *, proxied: bool) -> list[Finding]:
    added = [hop.strip() for line in seen.forwarded_for for hop in line.split(",")]
    peer = seen.peer or "the Unix socket"
    if not proxied:
        return [DIRECT.found(f"from {peer}")] if seen.peer_is_proxy else []
    if not seen.peer_is_proxy:
        fix = f'Set trusted_proxies = ["{seen.peer}"]' if seen.peer else "Set trusted_proxy_socket = true"
        return [
            NOT_TRUSTED.found(f"requests come from {peer}", f"{fix}, and let the proxy set X-Forwarded-For.")
        ]
    if seen.source == _FORGED_ADDRESS:
        return [FORGED.found("the server believed an address that the doctor made up")]
    if not added:
        return [MISSING.found(f"requests come from {peer}")]
    if len(added) < depth:
        return [DEPTH.found(f"{len(added)} of {depth} addresses arrived")]
    return []


def _passed_on(examined: Examined, seen: SeenRequest) -> list[Finding]:
    found = []
    if seen.host != examined.issuer.netloc:
        found.append(
            HOST.found(f"the server is asked for {seen.host[:200]}, in place of {examined.issuer.netloc}")
        )
    if lost := [name for name in _WANTED if name not in seen.headers]:
        found.append(LOST.found(", ".join(lost)))
    return found


CHECK: Final = Check(
    "proxy_headers",
    "Does the server know who asks, and can nobody pretend to be somebody else?",
    (NOT_TRUSTED, FORGED, MISSING, DEPTH, DIRECT, HOST, LOST, CERTIFICATE, CERTIFICATE_PASSED_ON),
    _examine,
    (Needs.STORE, Needs.ANSWERS, Needs.SEEN),
)
