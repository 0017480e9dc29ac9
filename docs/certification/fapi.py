"""Makes two clients of a FAPI profile and writes the conformance suite's configuration for them.

``python docs/certification/fapi.py --config authrim.toml --suite URL --alias NAME --profile PROFILE
--client-auth private_key_jwt|mtls --sender-constrain dpop|mtls --resource URL FOLDER``

Keys and certificates are made again, each client with its own: the suite checks that no key serves two clients.
With ``--anchors`` the certificates are from an authority that the server trusts (``tls_client_auth``), whose key and
certificate are in that folder and are made when they are not there; else they are self-signed and registered.
"""

import argparse
import base64
import datetime
import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from browser import authorization, callback_task, consent_task, sign_in_task
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from jwcrypto.jwk import JWK

PEM = serialization.Encoding.PEM


class Identity:
    """A client's key for signatures, and its key and certificate for TLS."""

    def __init__(self, name: str, alg: str, authority: "Authority | None") -> None:
        self.name = name
        self.signing = _new_jwk(alg, name)
        self.tls_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name}.client.example")])
        signer = self.tls_key if authority is None else authority.key
        issuer = subject if authority is None else authority.certificate.subject
        self.certificate = _certificate(subject, self.tls_key, issuer, signer, is_authority=False)

    @property
    def dn(self) -> str:
        return self.certificate.subject.rfc4514_string()

    def public_jwks(self, with_certificate: bool) -> dict[str, Any]:
        """What the client registers; a self-signed certificate as ``x5c`` (RFC 8705 §2.2.2)."""
        keys = [json.loads(self.signing.export_public())]
        if with_certificate:
            tls = JWK.from_pyca(self.tls_key.public_key())
            der = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
            keys.append(
                {**json.loads(tls.export_public()), "kid": f"{self.name}-tls", "use": "sig", "x5c": [der]}
            )
        return {"keys": keys}

    @property
    def private_jwks(self) -> dict[str, Any]:
        return {"keys": [json.loads(self.signing.export_private())]}

    @property
    def mtls(self) -> dict[str, str]:
        return {
            "cert": self.certificate.public_bytes(PEM).decode(),
            "key": _private_pem(self.tls_key),
        }


class Authority:
    """The authority that client certificates are from, kept in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        key_file, file = folder / "authority.key", folder / "authority.pem"
        if not key_file.exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Certification clients")])
            key_file.write_text(_private_pem(key))
            file.write_bytes(_certificate(name, key, name, key, is_authority=True).public_bytes(PEM))
        loaded = serialization.load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(loaded, rsa.RSAPrivateKey)
        self.key = loaded
        self.certificate = x509.load_pem_x509_certificate(file.read_bytes())


def _new_jwk(alg: str, kid: str) -> JWK:
    members = {"kid": kid, "alg": alg, "use": "sig"}
    if alg == "ES256":
        return JWK.generate(kty="EC", crv="P-256", **members)
    return JWK.generate(kty="RSA", size=2048, **members)


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    no_password = serialization.NoEncryption()
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, no_password).decode()


def _certificate(
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer: x509.Name,
    signer: rsa.RSAPrivateKey,
    *,
    is_authority: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_key_usage(is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if not is_authority:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        name = x509.SubjectAlternativeName([x509.DNSName(f"{uuid.uuid4().hex}.client.example")])
        builder = builder.add_extension(usage, critical=False).add_extension(name, critical=False)
    return builder.sign(signer, hashes.SHA256())


def _key_usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def register(given: argparse.Namespace, identity: Identity, redirect_uris: list[str]) -> str:
    """Register the client as an administrator does; its id."""
    jwks = given.folder / f"{identity.name}.jwks.json"
    self_signed = given.client_auth == "mtls" and given.anchors is None
    jwks.write_text(json.dumps(identity.public_jwks(with_certificate=self_signed)))
    command = [sys.executable, "-m", "authrim", "--config", str(given.config), "--json", "client", "create"]
    command += ["--name", f"Suite {identity.name}", "--profile", given.profile, "--jwks", str(jwks)]
    if given.service:
        command += ["--service"]
    else:
        command += [item for uri in redirect_uris for item in ("--redirect-uri", uri)]
    command += _scope(given)
    match given.client_auth, given.anchors:
        case "mtls", None:
            command += ["--auth-method", "self_signed_tls_client_auth"]
        case "mtls", _:
            command += ["--auth-method", "tls_client_auth", "--tls-client-auth-subject-dn", identity.dn]
        case _:
            command += ["--auth-method", "private_key_jwt"]
    if given.sender_constrain == "mtls":
        command += ["--certificate-bound"]
    else:
        command += ["--dpop-bound"]
    command += _responses(given)
    if given.signed_requests:
        command += ["--require-signed-requests"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise SystemExit(made.stdout + made.stderr)
    return str(json.loads(made.stdout)["client_id"])


def _scope(given: argparse.Namespace) -> list[str]:
    """What the client may ask for; without OpenID Connect, at an API of its own."""
    if given.oauth:
        return ["--scope", given.scope, "--audience", given.resource, "--default-audience", given.resource]
    return ["--scope", f"{given.scope} address phone"]


def _responses(given: argparse.Namespace) -> list[str]:
    """What FAPI 1 lets a client have instead of the plain code (FAPI 1 Advanced §5.2.2), and JARM for all."""
    if given.service:
        return []
    if given.jarm:
        return ["--response-type", "code", "--response-mode", "jwt"]
    if not given.profile.startswith("fapi1"):
        return []
    grants = ("authorization_code", "implicit", "refresh_token")
    options = [item for name in grants for item in ("--grant-type", name)]
    return ["--response-type", "code id_token", *options]


def configuration(
    given: argparse.Namespace, clients: list[dict[str, Any]], identities: list[Identity]
) -> dict[str, Any]:
    """The whole configuration file."""
    issuer = given.issuer
    usual = authorization(issuer, sign_in_task(issuer), consent_task(issuer), callback_task(given.suite))
    cancel = authorization(
        issuer,
        {"task": "Cancel", "match": f"{issuer}/login*", "commands": [["click", "id", "cancel"]]},
        callback_task(given.suite),
    )
    shown = [
        ["wait", "xpath", "//*", 10, "cannot be answered|cannot go on", "update-image-placeholder-optional"]
    ]
    page = {"task": "Error page", "optional": True, "match": f"{issuer}/authorize*", "commands": shown}
    either = authorization(
        issuer,
        page,
        sign_in_task(issuer),
        consent_task(issuer),
        callback_task(given.suite) | {"optional": True},
    )
    look_only = {
        "match": f"{issuer}/authorize*",
        "match-limit": 1,
        "tasks": [{"task": "Look", "match": "*", "commands": []}],
    }
    version = "fapi1-advanced-final" if given.profile.startswith("fapi1") else "fapi2-security-profile-final"
    overrides: dict[str, Any] = {f"{version}-{module}": {"browser": [either]} for module in ERRORS_ON_PAGES}
    overrides[f"{version}-user-rejects-authentication"] = {"browser": [cancel]}
    reused = f"{version}-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds"
    overrides[reused] = {"browser": [look_only, usual]}
    metadata = "oauth-authorization-server" if given.oauth else "openid-configuration"  # RFC 8414 §3
    return {
        "alias": given.alias,
        "description": "Authrim",
        "server": {"discoveryUrl": f"{issuer}/.well-known/{metadata}"},
        "client": clients[0],
        "client2": clients[1],
        "mtls": identities[0].mtls,
        "mtls2": identities[1].mtls,
        "resource": {"resourceUrl": given.resource},
        "browser": [usual],
        "override": overrides,
    }


#: Modules whose request may end on an error page at the authorization endpoint or at the client.
ERRORS_ON_PAGES = (
    "ensure-authorization-request-with-long-nonce",
    "ensure-authorization-request-with-long-state",
    "ensure-authorization-request-without-request-object-fails",
    "ensure-different-nonce-inside-and-outside-request-object",
    "ensure-different-state-inside-and-outside-request-object",
    "ensure-expired-request-object-fails",
    "ensure-matching-key-in-authorization-request",
    "ensure-redirect-uri-in-authorization-request",
    "ensure-registered-redirect-uri",
    "ensure-request-object-signature-algorithm-is-not-none",
    "ensure-request-object-with-64-char-nonce-success",
    "ensure-request-object-with-bad-aud-fails",
    "ensure-request-object-with-exp-over-60-fails",
    "ensure-request-object-with-invalid-signature-fails",
    "ensure-request-object-with-long-nonce",
    "ensure-request-object-with-long-state",
    "ensure-request-object-with-nbf-over-60-fails",
    "ensure-request-object-without-exp-fails",
    "ensure-request-object-without-nbf-fails",
    "ensure-request-object-without-nonce-fails",
    "ensure-request-object-without-redirect-uri-fails",
    "ensure-request-object-without-scope-fails",
    "ensure-response-mode-query",
    "ensure-response-type-code-fails",
    "ensure-response-type-code-idtoken-fails",
    "ensure-response-type-token-fails",
    "ensure-signed-request-object-with-RS256-fails",
    "ensure-unsigned-authorization-request-without-using-par-fails",
    "ensure-unsigned-request-at-par-endpoint-fails",
    "par-attempt-invalid-redirect_uri",
    "par-attempt-reuse-request_uri",
    "par-attempt-to-use-expired-request_uri",
    "par-attempt-to-use-request_uri-for-different-client",
    "par-ensure-pkce-required",
    "par-plain-pkce-rejected",
    "par-pushed-authorization-url-as-audience-in-request-object",
    "plain-fapi-tolerate-unregistered-redirect-uri",
)


def main() -> None:
    """Make the clients and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=Path, help="the server's settings")
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--suite", required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--profile", required=True)
    parser.add_argument("--client-auth", required=True, choices=("private_key_jwt", "mtls"))
    parser.add_argument("--sender-constrain", required=True, choices=("dpop", "mtls"))
    parser.add_argument("--resource", required=True)
    parser.add_argument("--anchors", type=Path)
    parser.add_argument("--alg", default="PS256")
    parser.add_argument("--oauth", action="store_true", help="without OpenID Connect; --resource is an API")
    parser.add_argument("--service", action="store_true", help="clients of the client credentials grant")
    parser.add_argument("--jarm", action="store_true", help="answers as JWTs")
    parser.add_argument("--signed-requests", action="store_true", help="requests as signed objects only")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    given.scope = "accounts" if given.oauth else "openid profile email offline_access"
    given.folder.mkdir(parents=True, exist_ok=True)
    authority = None if given.anchors is None else Authority(given.anchors)
    identities = [Identity(f"{given.alias}-{number}", given.alg, authority) for number in ("one", "two")]
    callback = f"{given.suite.rstrip('/')}/test/a/{given.alias}/callback"
    uris = [callback, f"{callback}?dummy1=lorem&dummy2=ipsum"]
    clients = [
        {"client_id": register(given, identity, uris), "scope": given.scope, "jwks": identity.private_jwks}
        for identity in identities
    ]
    document = configuration(given, clients, identities)
    (given.folder / f"{given.alias}.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
