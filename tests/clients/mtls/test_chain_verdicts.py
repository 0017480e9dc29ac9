"""A092: our verdict on a chain is OpenSSL's for the purpose ``sslclient``, but for what the documentation names."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from authrim.protocol.client_chain import ClientChains
from authrim.protocol.mtls import ClientCertificate
from tests.clients.mtls.test_client_chain import BAD, GOOD, ROOT
from tests.support.certificates import (
    CLIENT_AUTH,
    DAY,
    SERVER_AUTH,
    Authority,
    IssuedCertificate,
    key_usage,
    pem,
)

#: A chain with the anchors it is judged under.
Case = tuple[IssuedCertificate, list[x509.Certificate]]
ANY = (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)
BOTH = (*CLIENT_AUTH, *SERVER_AUTH)
SHORT = rsa.generate_private_key(65537, 1024)


def under_root(issued: IssuedCertificate) -> Case:
    return issued, [ROOT.certificate]


def made(make: Callable[[], IssuedCertificate]) -> Callable[[], Case]:
    return lambda: under_root(make())


def below(authority: Authority, subject: x509.Name | str = "client", *names: x509.GeneralName) -> Case:
    return under_root(authority.issue(subject, names))


def signed_by_root(**changes: object) -> Authority:
    return Authority("Below", issued_by=ROOT, **changes)  # type: ignore[arg-type]


def twice(**changes: object) -> Authority:
    """An authority below one that has these changes."""
    return Authority("Lower", issued_by=signed_by_root(**changes))


def name(organization: str, common: str = "client") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def of(organization: str) -> x509.GeneralName:
    return x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)]))


def only(*names: x509.GeneralName) -> Authority:
    return signed_by_root(constraints=x509.NameConstraints(names, None))


def but(*names: x509.GeneralName) -> Authority:
    return signed_by_root(constraints=x509.NameConstraints(None, names))


def with_address(address: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, address)])


def under_own_root(**changes: object) -> Case:
    root = Authority("Own Root", **changes)  # type: ignore[arg-type]
    return root.issue("client"), [root.certificate]


def deep(levels: int) -> Case:
    authority = ROOT
    for level in range(levels):
        authority = Authority(f"Level {level}", issued_by=authority)
    return below(authority)


def signed_with(key: object) -> Case:
    return below(signed_by_root(key=key))


def as_anchor(issued: IssuedCertificate) -> Case:
    return issued, [issued.certificate]


def intermediate_anchor(**changes: object) -> Case:
    authority = signed_by_root(**changes)
    return authority.issue("client"), [authority.certificate]


URI, MAIL, DNS = x509.UniformResourceIdentifier, x509.RFC822Name, x509.DNSName
CASES: dict[str, Callable[[], Case]] = {
    **{f"good: {title}": made(make) for title, make in GOOD.items()},
    **{f"bad: {title}": made(make) for title, make in BAD.items()},
    "authority for servers": lambda: below(signed_by_root(purposes=SERVER_AUTH)),
    "authority for clients": lambda: below(signed_by_root(purposes=CLIENT_AUTH)),
    "authority for both": lambda: below(signed_by_root(purposes=BOTH)),
    "authority for any usage": lambda: below(signed_by_root(purposes=ANY)),
    "authority for e-mail": lambda: below(signed_by_root(purposes=(ExtendedKeyUsageOID.EMAIL_PROTECTION,))),
    "upper authority for servers": lambda: below(twice(purposes=SERVER_AUTH)),
    "upper authority for clients": lambda: below(twice(purposes=CLIENT_AUTH)),
    "upper authority without keyCertSign": lambda: below(twice(usage=key_usage(digital_signature=True))),
    "upper authority is none": lambda: below(twice(is_ca=False)),
    "upper authority expired": lambda: below(twice(valid=(-3 * DAY, -DAY))),
    "root for servers": lambda: under_own_root(purposes=SERVER_AUTH),
    "root for clients": lambda: under_own_root(purposes=CLIENT_AUTH),
    "root without keyCertSign": lambda: under_own_root(usage=key_usage(crl_sign=True)),
    "root expired": lambda: under_own_root(valid=(-3 * DAY, -DAY)),
    "root is none": lambda: under_own_root(is_ca=False),
    "anchor below a root": intermediate_anchor,
    "anchor below a root, for servers": lambda: intermediate_anchor(purposes=SERVER_AUTH),
    "anchor without keyCertSign": lambda: intermediate_anchor(usage=key_usage(crl_sign=True)),
    "client for both": lambda: under_root(ROOT.issue("client", usage=BOTH)),
    "client that agrees on keys": lambda: under_root(
        ROOT.issue("client", for_key=key_usage(key_agreement=True, digital_signature=True))
    ),
    "client for encryption": lambda: under_root(
        ROOT.issue("client", for_key=key_usage(key_encipherment=True))
    ),
    "client as an anchor": lambda: as_anchor(ROOT.issue("client")),
    "four below the root": lambda: deep(4),
    "six below the root": lambda: deep(6),
    "path length kept": lambda: below(Authority("Q", issued_by=signed_by_root(path_length=1))),
    "client with Ed25519": lambda: under_root(ROOT.issue("client", key=ed25519.Ed25519PrivateKey.generate())),
    "authority with P-384": lambda: signed_with(ec.generate_private_key(ec.SECP384R1())),
    "authority with a short key": lambda: signed_with(SHORT),
    "permitted directory name": lambda: below(only(of("Good")), name("Good")),
    "no permitted directory name": lambda: below(only(of("Good")), name("Bad")),
    "one of two permitted directory names": lambda: below(only(of("Other"), of("Good")), name("Good")),
    "permitted directory name in other case": lambda: below(only(of("good")), name("GOOD")),
    "permitted directory name, empty subject": lambda: below(only(of("Good")), x509.Name([]), DNS("a.test")),
    "permitted directory name as an alternative one": lambda: below(
        only(of("Good")), name("Good"), of("Good")
    ),
    "other directory name as an alternative one": lambda: below(only(of("Good")), name("Good"), of("Bad")),
    "excluded directory name": lambda: below(but(of("Bad")), name("Bad")),
    "no excluded directory name": lambda: below(but(of("Bad")), name("Good")),
    "permitted address": lambda: below(only(MAIL("good.test")), "client", MAIL("a@good.test")),
    "no permitted address": lambda: below(only(MAIL("good.test")), "client", MAIL("a@bad.test")),
    "no permitted address, in the subject": lambda: below(
        only(MAIL("good.test")), with_address("a@bad.test")
    ),
    "permitted URI": lambda: below(only(URI("a.test")), "client", URI("https://a.test/b")),
    "no permitted URI": lambda: below(only(URI("a.test")), "client", URI("https://b.test/b")),
    "excluded host": lambda: below(but(DNS("bad.test")), "client", DNS("x.bad.test")),
    "no excluded host": lambda: below(but(DNS("bad.test")), "client", DNS("x.good.test")),
    "constraint from far above": lambda: below(
        Authority("Low", issued_by=signed_by_root(constraints=x509.NameConstraints([of("Good")], None))),
        name("Bad"),
    ),
    "policy constraints": lambda: below(signed_by_root(extension=x509.PolicyConstraints(0, None))),
    "inhibit any policy": lambda: below(signed_by_root(extension=x509.InhibitAnyPolicy(0))),
    "unknown critical extension of an authority": lambda: below(
        signed_by_root(extension=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"))
    ),
}
#: Where the verdicts differ, and ours (docs/protocols/mtls.md tells why).
DIFFERENT: dict[str, bool] = {
    "good: for any usage": True,
    "authority for any usage": True,
    "bad: key not for signing": False,
    "client as an anchor": False,
    "six below the root": False,
    "authority with a short key": False,
    "policy constraints": False,
    "inhibit any policy": False,
}


def openssl_takes(case: Case, folder: Path) -> bool:
    """The verdict of ``openssl verify``."""
    issued, anchors = case
    files = {"anchors": "".join(pem(one) for one in anchors), "client": issued.pem}
    files["issuers"] = "".join(pem(one) for one in issued.issuers)
    for file, text in files.items():
        (folder / file).write_text(text)
    command = ["openssl", "verify", "-purpose", "sslclient", "-partial_chain", "-no-CApath", "-no-CAstore"]
    command += ["-CAfile", "anchors"] + (["-untrusted", "issuers"] if issued.issuers else []) + ["client"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60).returncode == 0


async def we_take(case: Case, folder: Path) -> bool:
    """Our verdict."""
    issued, anchors = case
    (folder / "anchors").write_text("".join(pem(one) for one in anchors))
    shown = ClientCertificate(issued.der, tuple(IssuedCertificate(one, None).der for one in issued.issuers))
    return not await ClientChains(folder / "anchors", None).refusal(shown, int(time.time()))


@pytest.mark.parametrize("title", CASES)
async def test_the_verdict_is_openssls(tmp_path: Path, title: str) -> None:
    """A092: equal verdicts on each made chain; a difference is a known one, in the direction that is documented."""
    case = CASES[title]()
    ours, theirs = await we_take(case, tmp_path), openssl_takes(case, tmp_path)
    assert (ours, theirs) == (
        (DIFFERENT[title], not DIFFERENT[title]) if title in DIFFERENT else (theirs, ours)
    )


def test_enough_chains_of_both_kinds() -> None:
    """The set is no smaller than it was meant to be."""
    assert len(CASES) >= 40
    assert len(DIFFERENT) <= 10
