"""A092: which authority vouches for a client's certificate, and has it taken that back? (RFC 8705 §2.1, RFC 5280 §6)"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from authrim.protocol.client_chain import GOOD_FOR, ClientChains, UnusableAnchors
from authrim.protocol.mtls import ClientCertificate, parsed, weakness
from tests.support.certificates import (
    DAY,
    SERVER_AUTH,
    Authority,
    IssuedCertificate,
    key_usage,
    pem,
    self_signed,
)

ROOT = Authority()
BELOW = Authority("Below", issued_by=ROOT)


def write(file: Path, text: str) -> None:
    file.write_text(text)


def now() -> int:
    return int(time.time())


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    file = tmp_path / "anchors.pem"
    file.write_text(pem(ROOT.certificate))
    return file


def shown(issued: IssuedCertificate, with_issuers: bool = True) -> ClientCertificate:
    issuers = [IssuedCertificate(one, None).der for one in issued.issuers] if with_issuers else []
    return ClientCertificate(issued.der, tuple(issuers))


def constrained() -> IssuedCertificate:
    """A certificate for another host than its authority may name."""
    below = Authority(
        "Constrained", issued_by=ROOT, constraints=x509.NameConstraints([x509.DNSName("ok.example")], None)
    )
    return below.issue("client", [x509.DNSName("client.example")])


def with_unknown_critical() -> IssuedCertificate:
    return ROOT.issue(
        "client", extension=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    )


GOOD: dict[str, Callable[[], IssuedCertificate]] = {
    "of the anchor": lambda: ROOT.issue("client"),
    "of one below it": lambda: BELOW.issue("client"),
    "without extended key usage": lambda: ROOT.issue("client", usage=()),
    "for any usage": lambda: ROOT.issue("client", usage=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)),
    "with RSA": lambda: ROOT.issue("client", key=rsa.generate_private_key(65537, 2048)),
}
BAD: dict[str, Callable[[], IssuedCertificate]] = {
    "of nobody": self_signed,
    "of another authority": lambda: Authority("Other").issue("client"),
    "of one of the same name": lambda: Authority(ROOT.name).issue("client"),
    "expired": lambda: ROOT.issue("client", valid=(-3 * DAY, -DAY)),
    "not yet valid": lambda: ROOT.issue("client", valid=(DAY, 2 * DAY)),
    "for servers": lambda: ROOT.issue("client", usage=SERVER_AUTH),
    "key not for signing": lambda: ROOT.issue("client", for_key=key_usage(key_agreement=True)),
    "of an expired authority": lambda: Authority("E", issued_by=ROOT, valid=(-3 * DAY, -DAY)).issue("client"),
    "of a client": lambda: Authority("C", issued_by=ROOT, is_ca=False).issue("client"),
    "of one that may not sign": lambda: Authority("U", issued_by=ROOT, usage=key_usage(crl_sign=True)).issue(
        "client"
    ),
    "path too long": lambda: Authority("Q", issued_by=Authority("P", issued_by=ROOT, path_length=0)).issue(
        "client"
    ),
    "outside the constraints": constrained,
    "critical extension": with_unknown_critical,
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD.keys())
async def test_a_chain_to_an_anchor(anchors: Path, make: Callable[[], IssuedCertificate]) -> None:
    """The subject alone may name a client: no alternative name is needed."""
    assert await ClientChains(anchors, None).refusal(shown(make()), now()) == ""


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
async def test_no_chain(anchors: Path, make: Callable[[], IssuedCertificate]) -> None:
    """A092: whatever RFC 5280 §6 refuses is refused."""
    refusal = await ClientChains(anchors, None).refusal(shown(make()), now())
    assert refusal in (
        "certificate_not_trusted", "certificate_not_for_clients", "certificate_critical_extension"
    )  # fmt: skip


async def test_the_client_sends_the_chain(anchors: Path) -> None:
    """An authority that is no anchor has to be shown; or it is an anchor itself."""
    client = BELOW.issue("client")
    assert await ClientChains(anchors, None).refusal(shown(client, with_issuers=False), now())
    write(anchors, pem(BELOW.certificate))
    assert await ClientChains(anchors, None).refusal(shown(client, with_issuers=False), now()) == ""


async def test_without_anchors_nobody_gets_in() -> None:
    """No authority is trusted unless it is named."""
    assert (
        await ClientChains(None, None).refusal(shown(ROOT.issue("client")), now()) == "certificate_no_anchors"
    )


def crls(tmp_path: Path, *texts: str) -> Path:
    file = tmp_path / "crls.pem"
    file.write_text("".join(texts))
    return file


async def test_revocation(tmp_path: Path, anchors: Path) -> None:
    """A092: a certificate that its authority revoked is refused, and so are all below an authority that was revoked."""
    good, revoked = BELOW.issue("client"), BELOW.issue("client")
    chains = ClientChains(anchors, crls(tmp_path, ROOT.crl(), BELOW.crl(revoked)))
    assert await chains.refusal(shown(good), now()) == ""
    assert await chains.refusal(shown(revoked), now()) == "certificate_revoked"
    crls(tmp_path, ROOT.crl(IssuedCertificate(BELOW.certificate, None)), BELOW.crl())
    assert await chains.refusal(shown(BELOW.issue("client")), now()) == "certificate_revoked"


async def test_a_revocation_counts_soon(tmp_path: Path, anchors: Path) -> None:
    """The lists are read again when they change; what was found good before is looked at again after a minute."""
    client = ROOT.issue("client")
    chains = ClientChains(anchors, crls(tmp_path, ROOT.crl()))
    assert await chains.refusal(shown(client), now()) == ""
    crls(tmp_path, ROOT.crl(client))
    assert await chains.refusal(shown(client), now() + GOOD_FOR + 1) == "certificate_revoked"


@pytest.mark.parametrize(
    "lists",
    [
        (),
        (ROOT.crl(valid=(-3 * DAY, -DAY)),),
        (ROOT.crl(valid=(DAY, 2 * DAY)),),
        (Authority("Other").crl(),),
        (Authority(ROOT.name).crl(),),
    ],
    ids=["none", "expired", "of the future", "of another", "signed by another"],
)
async def test_unknown_revocation_is_a_no(tmp_path: Path, anchors: Path, lists: tuple[str, ...]) -> None:
    """A092: when the current list of the authority itself is not available, its clients stay out."""
    chains = ClientChains(anchors, crls(tmp_path, *lists))
    assert await chains.refusal(shown(ROOT.issue("client")), now()) == "certificate_revocation_unknown"


async def test_a_list_counts_until_it_ends(tmp_path: Path, anchors: Path) -> None:
    """What was found good is not so for longer than the list that said so."""
    client = ROOT.issue("client")
    chains = ClientChains(anchors, crls(tmp_path, ROOT.crl(valid=(-DAY, DAY / 86400 * 20))))
    assert await chains.refusal(shown(client), now()) == ""
    assert await chains.refusal(shown(client), now() + 30) == "certificate_revocation_unknown"


async def test_the_lists_of_a_chain_are_all_needed(tmp_path: Path, anchors: Path) -> None:
    """The list of the root alone does not say what the one below has revoked."""
    chains = ClientChains(anchors, crls(tmp_path, ROOT.crl()))
    assert await chains.refusal(shown(BELOW.issue("client")), now()) == "certificate_revocation_unknown"


async def test_changed_anchors(tmp_path: Path, anchors: Path) -> None:
    """The authorities are read again when they change; a file that cannot be read any more trusts nobody."""
    other = Authority("Other")
    chains = ClientChains(anchors, None)
    assert await chains.refusal(shown(other.issue("client")), now())
    write(anchors, pem(ROOT.certificate) + pem(other.certificate))
    assert await chains.refusal(shown(other.issue("client")), now()) == ""
    write(anchors, "nonsense")
    assert await chains.refusal(shown(ROOT.issue("client")), now()) == "certificate_anchors_unusable"


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n"])
def test_files_that_cannot_be_used_end_the_start(tmp_path: Path, anchors: Path, text: str) -> None:
    """The text names the setting and the file; a list that says nothing keeps everyone out, and is no error."""
    if text:
        with pytest.raises(UnusableAnchors, match=r"tls_client_anchors: .* holds no certificate"):
            ClientChains(crls(tmp_path, text), None)
    if "BEGIN" in text:
        with pytest.raises(UnusableAnchors, match=r"tls_client_crls: .* something else"):
            ClientChains(anchors, crls(tmp_path, text))
    with pytest.raises(UnusableAnchors, match="cannot be read: No such file"):
        ClientChains(tmp_path / "missing", None)


def test_weak_certificates() -> None:
    """RFC 9325 §4.2: a short key proves nothing, nor does a certificate outside its dates."""
    short = self_signed(key=rsa.generate_private_key(65537, 1024)).certificate
    assert weakness(short, now()) == "certificate_key_short"
    assert weakness(self_signed(valid=(-2 * DAY, -DAY)).certificate, now()) == "certificate_expired"
    assert weakness(self_signed(valid=(DAY, 2 * DAY)).certificate, now()) == "certificate_expired"
    assert weakness(self_signed(key=ec.generate_private_key(ec.SECP384R1())).certificate, now()) == ""
    assert parsed(b"\x30\x00") is None
