"""A091 to A096 and A077: a certificate that somebody only claims to have, and one that is not the right one."""

import base64
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from authrim.protocol.mtls import is_registered_certificate, is_registered_name, jwk_of, parsed
from authrim.store.contract import Store
from authrim.store.sqlite.schema import migrate_sqlite
from domain.client.metadata import ClientMetadata
from tests.support.browser import Browser
from tests.support.certificates import DAY, Authority, IssuedCertificate, self_signed
from tests.support.mtls import ROOT, SECRET, mtls_server
from tests.support.running import RunningServer, running_server

PKI: dict[str, Any] = {
    "token_endpoint_auth_method": "tls_client_auth",
    "tls_client_auth_subject_dn": "CN=client",
}
CERTIFICATE = ROOT.issue("client")
BOUND: dict[str, Any] = {"tls_client_certificate_bound_access_tokens": True}


def field(der: bytes) -> str:
    """RFC 9440 §2.1."""
    return f":{base64.b64encode(der).decode()}:"


HEADER = {"Client-Cert": field(CERTIFICATE.der)}
PROVED = {"Client-Cert-Secret": SECRET}


async def status_with(server: RunningServer, headers: Any) -> tuple[int, str]:
    """What a ``tls_client_auth`` client gets with these headers."""
    client = await server.client("pki", kind="service", **PKI)
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    status, answer = await server.post("/token", form, headers)
    return status, answer.get("error", "")


@pytest.fixture
def store_place(tmp_path: Path) -> Path:
    """One store for all: nothing here depends on which."""
    migrate_sqlite(tmp_path / "authrim.db")
    return tmp_path / "authrim.db"


@pytest.fixture
async def proxied(store: Store, tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server that believes proxies on loopback, asked by one."""
    async with running_server(store, **settings(tmp_path)) as server:
        yield server


def settings(tmp_path: Path, networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")) -> dict[str, Any]:
    anchors = tmp_path / "anchors.pem"
    anchors.write_text(IssuedCertificate(ROOT.certificate, None).pem)
    return {"tls_client_anchors": anchors, "client_cert_proxies": networks, "client_cert_secret": SECRET}


async def test_the_header_of_a_known_proxy(proxied: RunningServer) -> None:
    """What the refusals below differ from: RFC 9440's form, and nginx's."""
    assert (await status_with(proxied, HEADER | PROVED))[0] == 200
    assert (await status_with(proxied, {"Client-Cert": quote(CERTIFICATE.pem, safe="")} | PROVED))[0] == 200


SPOOFED: dict[str, Any] = {
    "no secret": HEADER,
    "wrong secret": HEADER | {"Client-Cert-Secret": SECRET[:-1] + "x"},
    "empty secret": HEADER | {"Client-Cert-Secret": ""},
    "two secrets": [*HEADER.items(), *PROVED.items(), *PROVED.items()],
    "no certificate": PROVED,
    "empty certificate": PROVED | {"Client-Cert": ""},
    "two certificates": [*HEADER.items(), *HEADER.items(), *PROVED.items()],
    "nginx's usual header": PROVED | {"X-SSL-Client-Cert": quote(CERTIFICATE.pem)},
    "Envoy's header": PROVED | {"X-Forwarded-Client-Cert": f'Cert="{quote(CERTIFICATE.pem)}"'},
    "only the chain": PROVED | {"Client-Cert-Chain": field(CERTIFICATE.der)},
    "no colons": PROVED | {"Client-Cert": field(CERTIFICATE.der).strip(":")},
    "base64url": PROVED | {"Client-Cert": field(b"\xff\xff\xff").replace("/", "_")},
    "parameters": PROVED | {"Client-Cert": field(CERTIFICATE.der) + ";a=1"},
    "a list": PROVED | {"Client-Cert": f"{field(CERTIFICATE.der)}, {field(CERTIFICATE.der)}"},
    "not a certificate": PROVED | {"Client-Cert": field(b"canary")},
    "cut": PROVED | {"Client-Cert": field(CERTIFICATE.der[:-10])},
    "something behind it": PROVED | {"Client-Cert": field(CERTIFICATE.der + b"\0")},
    "large": PROVED | {"Client-Cert": field(CERTIFICATE.der + bytes(9000))},
    "broken PEM": PROVED | {"Client-Cert": quote(CERTIFICATE.pem[:200], safe="")},
}


@pytest.mark.parametrize("headers", SPOOFED.values(), ids=SPOOFED.keys())
async def test_a_spoofed_header(proxied: RunningServer, headers: Any) -> None:
    """A091: without the secret, twice, malformed or by another name, the header is no certificate."""
    assert await status_with(proxied, headers) == (401, "invalid_client")


async def test_a_header_from_elsewhere(store: Store, tmp_path: Path) -> None:
    """A091: the secret alone is not enough, the address must be a proxy's; and nobody's is when none is configured."""
    async with running_server(store, **settings(tmp_path, ("192.0.2.0/24",))) as server:
        assert await status_with(server, HEADER | PROVED) == (401, "invalid_client")


@pytest.mark.parametrize("way", ["nginx", "haproxy", "nginx-socket", "own"])
async def test_a_client_of_the_proxy_cannot_speak_for_it(store: Store, tmp_path: Path, way: str) -> None:
    """A091: the headers that a client sends to the proxy, or to our own TLS, are dropped or written over."""
    async with mtls_server(store, tmp_path, way) as server:
        client = await server.client("pki", kind="service", **PKI)
        form = {"grant_type": "client_credentials", "client_id": client.client_id}
        spoofed = HEADER | PROVED | {"Client-Cert-Chain": field(CERTIFICATE.der)}
        for shown, expected in ((None, 401), (self_signed(), 401), (CERTIFICATE, 200)):
            assert (await server.show(shown, "/token", form, spoofed))[0] == expected


REFUSED: dict[str, Any] = {
    "of nobody": self_signed,
    "of another authority": lambda: Authority("Other").issue("client"),
    "expired": lambda: ROOT.issue("client", valid=(-3 * DAY, -DAY)),
    "of another name": lambda: ROOT.issue("client2"),
    "of no name": lambda: ROOT.issue(x509.Name([])),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
async def test_a_certificate_that_nobody_vouches_for(proxied: RunningServer, make: Any) -> None:
    """A092, A093: 401 ``invalid_client``. Purposes and revocation are in tests/clients/mtls/test_client_chain.py."""
    assert await status_with(proxied, PROVED | {"Client-Cert": field(make().der)}) == (401, "invalid_client")


def name(
    *relatives: list[tuple[x509.ObjectIdentifier, str]], kind: _ASN1Type = _ASN1Type.UTF8String
) -> x509.Name:
    """A subject of relative names, the first at the root."""
    return x509.Name(
        [
            x509.RelativeDistinguishedName(
                [x509.NameAttribute(oid, value, _type=kind, _validate=False) for oid, value in relative]
            )
            for relative in relatives
        ]
    )


CN, ORG, OU, MAIL = (
    NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.EMAIL_ADDRESS,
)  # fmt: skip
REGISTERED = "CN=client,O=Example"
SUBJECTS = {
    "the same": (name([(ORG, "Example")], [(CN, "client")]), True),
    "PrintableString": (name([(ORG, "Example")], [(CN, "client")], kind=_ASN1Type.PrintableString), True),
    "BMPString": (name([(ORG, "Example")], [(CN, "client")], kind=_ASN1Type.BMPString), True),
    "another case": (name([(ORG, "EXAMPLE")], [(CN, "Client")]), True),
    "another order": (name([(CN, "client")], [(ORG, "Example")]), False),
    "one relative name": (name([(CN, "client"), (ORG, "Example")]), False),
    "more": (name([(ORG, "Example")], [(OU, "x")], [(CN, "client")]), False),
    "less": (name([(CN, "client")]), False),
    "two values": (name([(ORG, "Example")], [(CN, "client"), (CN, "admin")]), False),
    "a comma inside": (name([(CN, "client,O=Example")]), False),
    "an escape inside": (name([(ORG, "Example")], [(CN, r"cl\69ent")]), False),
    "a NUL inside": (name([(ORG, "Example")], [(CN, "client\0.evil.example")]), False),
    "a NUL behind": (name([(ORG, "Example")], [(CN, "client\0")]), False),
    "another attribute": (name([(ORG, "Example")], [(OU, "client")]), False),
    "a look-alike": (name([(ORG, "Example")], [(CN, "сlient")]), False),
    "no subject": (x509.Name([]), False),
}


@pytest.mark.parametrize(("subject", "expected"), SUBJECTS.values(), ids=SUBJECTS.keys())
def test_the_subject_is_compared_as_a_structure(subject: x509.Name, expected: bool) -> None:
    """A093: string types and case do not count; order, number, escapes, commas and NULs do."""
    metadata = ClientMetadata(tls_client_auth_subject_dn=REGISTERED)
    assert is_registered_name(ROOT.issue(subject).certificate, metadata) is expected


def test_a_malformed_subject() -> None:
    """A093 (CVE-2026-22747): a common name that cannot be decoded makes the certificate unreadable, not the server."""
    der = ROOT.issue("client").der
    assert der.count(b"\x0c\x06client") == 1
    assert parsed(der.replace(b"\x0c\x06client", b"\x0c\x06\xff\xff\xff\xff\xff\xff")) is None
    surrogates = parsed(der.replace(b"\x0c\x06client", b"\x1e\x06\xd8\x00\xd8\x00\xd8\x00"))
    assert surrogates is None or not is_registered_name(
        surrogates, ClientMetadata(tls_client_auth_subject_dn="CN=client")
    )
    bit_string = der.replace(b"\x0c\x06client", b"\x03\x06\x00lient")
    assert parsed(bit_string) is None


ALTERNATIVES = [
    ("tls_client_auth_san_dns", "client.example", x509.DNSName("CLIENT.example"), True),
    ("tls_client_auth_san_dns", "client.example", x509.DNSName("*.example"), False),
    ("tls_client_auth_san_dns", "client.example", x509.DNSName("client.example.evil.example"), False),
    ("tls_client_auth_san_dns", "client.example", x509.UniformResourceIdentifier("client.example"), False),
    ("tls_client_auth_san_dns", "client.example", x509.RFC822Name("a@client.example"), False),
    ("tls_client_auth_san_uri", "https://a.example/", x509.UniformResourceIdentifier("https://a.example/"), True),
    ("tls_client_auth_san_uri", "https://a.example/", x509.UniformResourceIdentifier("https://a.example"), False),
    ("tls_client_auth_san_uri", "https://a.example/", x509.DNSName("https://a.example/"), False),
    ("tls_client_auth_san_ip", "2001:db8:0::1", x509.IPAddress(ip_address("2001:db8::1")), True),
    ("tls_client_auth_san_ip", "192.0.2.1", x509.IPAddress(ip_address("192.0.2.2")), False),
    ("tls_client_auth_san_ip", "192.0.2.1", x509.DNSName("192.0.2.1"), False),
    ("tls_client_auth_san_email", "Client@Example.com", x509.RFC822Name("Client@example.COM"), True),
    ("tls_client_auth_san_email", "Client@example.com", x509.RFC822Name("client@example.com"), False),
    ("tls_client_auth_san_email", "client@example.com", x509.DNSName("client@example.com"), False),
]  # fmt: skip


@pytest.mark.parametrize(("field_name", "value", "alternative", "expected"), ALTERNATIVES)
def test_alternative_names_count_by_their_kind(
    field_name: str, value: str, alternative: x509.GeneralName, expected: bool
) -> None:
    """A093: an alternative name counts for its own kind alone, whole, and never as a pattern."""
    metadata = ClientMetadata(**{field_name: value})  # type: ignore[arg-type]
    certificate = ROOT.issue("client.example", [alternative]).certificate
    assert is_registered_name(certificate, metadata) is expected


def test_the_common_name_is_no_alternative_name() -> None:
    """A093: a host name in the subject is not one in the alternative names."""
    metadata = ClientMetadata(tls_client_auth_san_dns="client.example")
    assert not is_registered_name(ROOT.issue("client.example").certificate, metadata)
    mail = ROOT.issue(name([(MAIL, "client@example.com")])).certificate
    assert not is_registered_name(mail, ClientMetadata(tls_client_auth_san_email="client@example.com"))


async def test_a_self_signed_certificate_that_is_not_registered(proxied: RunningServer) -> None:
    """A094: neither a certificate of the same name, nor of the same key, nor one of another client's, nor an expired
    one that is registered."""
    registered, expired = self_signed("client"), self_signed("client", valid=(-3 * DAY, -DAY))
    keys = {"keys": [jwk_of(one.pem.encode()) for one in (registered, expired)]}
    method: dict[str, Any] = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
    client = await proxied.client("self", kind="service", **method, jwks=keys)
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    for shown, expected in (
        (registered, 200),
        (self_signed("client"), 401),
        (self_signed("client", key=registered.key), 401),
        (CERTIFICATE, 401),
        (expired, 401),
    ):
        status, _ = await proxied.post("/token", form, PROVED | {"Client-Cert": field(shown.der)})
        assert status == expected


def test_a_key_alone_is_no_certificate() -> None:
    """A094: a key without ``x5c``, or with a broken one, registers nothing."""
    certificate = self_signed()
    jwk = jwk_of(certificate.pem.encode())
    assert is_registered_certificate(certificate.der, [jwk])
    bare = {name: value for name, value in jwk.items() if name != "x5c"}
    for broken in (bare, bare | {"x5c": []}, bare | {"x5c": "x"}, bare | {"x5c": [1]}, bare | {"x5c": ["%"]}):
        assert not is_registered_certificate(certificate.der, [broken])


async def test_a_certificate_and_a_secret(proxied: RunningServer) -> None:
    """A077: a client that authenticates with its certificate and sends a secret as well uses two methods."""
    client = await proxied.client("pki", kind="service", **PKI)
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    basic = {"Authorization": "Basic " + base64.b64encode(f"{client.client_id}:x".encode()).decode()}
    for more, headers in (({"client_secret": "x"}, {}), ({}, basic)):
        status, answer = await proxied.post("/token", form | more, HEADER | PROVED | headers)
        assert (status, answer["error"]) == (400, "invalid_request")


async def test_a_certificate_is_not_enough_for_another_method(proxied: RunningServer) -> None:
    """A078: a client with a secret does not get in with a certificate of its name."""
    client = await proxied.client("service")
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    status, answer = await proxied.post("/token", form, HEADER | PROVED)
    assert (status, answer["error"]) == (401, "invalid_client")


async def test_a_public_client_refreshes_with_its_certificate(store: Store, tmp_path: Path) -> None:
    """A095: the refresh token of a public client is bound to the certificate: without it, or with another, no token."""
    own, other = self_signed(), self_signed()
    async with mtls_server(store, tmp_path) as server:
        spa = await server.client("spa", **BOUND)
        browser = Browser(server)
        shown, verifier = await browser.authorize(spa, scope="openid offline_access", prompt="consent")
        form = {
            "grant_type": "authorization_code",
            "code": (await browser.through_pages(shown)).parameters["code"],
            "redirect_uri": spa.redirect_uri,
            "code_verifier": verifier,
        }
        status, tokens = await server.token(spa, own, **form)
        assert status == 200, tokens
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        status, answer = await server.token(spa, other, **form)
        assert (status, answer["error"]) == (400, "invalid_grant")
        status, answer = await server.token(spa, None, **form)
        assert status == 400
        assert answer["error"] in ("invalid_grant", "invalid_request")
        assert (await server.token(spa, own, **form))[0] == 200


@pytest.mark.parametrize("way", ["own", "nginx"])
async def test_a_bound_token_without_its_certificate(store: Store, tmp_path: Path, way: str) -> None:
    """A096, suite ensure-holder-of-key-required: a Bearer challenge without a certificate and with another."""
    own = ROOT.issue("client")
    async with mtls_server(store, tmp_path, way) as server:
        web = await server.client("web", **PKI, **BOUND)
        browser = Browser(server)
        shown, verifier = await browser.authorize(web)
        form = {
            "grant_type": "authorization_code",
            "code": (await browser.through_pages(shown)).parameters["code"],
            "redirect_uri": web.redirect_uri,
            "code_verifier": verifier,
        }
        _, tokens = await server.token(web, own, **form)
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        for wrong in (None, self_signed(), ROOT.issue("client")):
            status, _, headers = await server.show(wrong, "/userinfo", headers=bearer, method="GET")
            assert status == 401
            assert headers["WWW-Authenticate"].startswith("Bearer ")
            assert 'error="invalid_token"' in headers["WWW-Authenticate"]
        assert (await server.show(own, "/userinfo", headers=bearer, method="GET"))[0] == 200
        async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
            assert answer.status == 401  # where nobody is asked for a certificate
