"""A086, A087, A089, A158 to A168, A170, A173, A178: what is done to a JWS, and must not be believed.

That genuine tokens of others are accepted, and ours by others, is proved in ``tests/crypto/test_jws.py``.
"""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from authrim.crypto import base64url
from authrim.crypto.jws import MAX_TOKEN, JwsRefused, SigningKey, verify
from authrim.crypto.verification_keys import KeySet, read_jwks
from tests.support.signers import KEYS, PRIVATE_KEYS, SIGNERS

ANY_TYPE = frozenset[str | None]({None, "JWT"})
PAYLOAD = b'{"sub":"ann"}'

ALL = frozenset(SIGNERS) | {"none", "None", "HS256", "HS384", "HS512"}
"""A registration wider than any real one: what is refused here is refused by the key, not by the list."""


def accepts(token: str, algorithms: frozenset[str] = ALL, keys: KeySet = KEYS) -> bytes:
    return verify(token, keys, algorithms=algorithms, typ=ANY_TYPE).payload


def refusal(token: str, algorithms: frozenset[str] = ALL, keys: KeySet = KEYS) -> str:
    with pytest.raises(JwsRefused) as caught:
        verify(token, keys, algorithms=algorithms, typ=ANY_TYPE)
    return caught.value.code


def crafted(header: dict[str, Any] | bytes, payload: bytes = PAYLOAD, alg: str = "ES256") -> str:
    """A token with this header and a genuine signature over it."""
    spelled = header if isinstance(header, bytes) else json.dumps(header).encode()
    signing_input = base64url.encode(spelled) + "." + base64url.encode(payload)
    signer = SIGNERS[alg]
    signature = signer._algorithm.sign(PRIVATE_KEYS[alg], signing_input.encode())
    return signing_input + "." + base64url.encode(signature)


def es256(**members: Any) -> dict[str, Any]:
    return {"alg": "ES256", "kid": "kid-ES256", **members}


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 0, ["none"], {"none": 1}])
def test_an_unsigned_token_is_refused(alg: object) -> None:
    """A158: ``none`` in any spelling, or no algorithm at all, is refused even when it is on the list."""
    header = base64url.encode(json.dumps({"alg": alg, "kid": "kid-ES256"}).encode())
    for signature in ("", base64url.encode(b"x" * 64)):
        assert refusal(f"{header}.{base64url.encode(PAYLOAD)}.{signature}") == "alg_not_allowed"
    missing = base64url.encode(b'{"kid":"kid-ES256"}')
    assert refusal(f"{missing}.{base64url.encode(PAYLOAD)}.") == "alg_not_allowed"


@pytest.mark.parametrize("alg", SIGNERS)
def test_an_empty_or_foreign_signature_is_refused(alg: str) -> None:
    """A158: nothing, zeros, another key's or another payload's signature is no signature."""
    head, body, signature = SIGNERS[alg].sign(PAYLOAD, None).split(".")
    zeros = base64url.encode(bytes(len(base64url.decode(signature))))
    other_body = base64url.encode(b'{"sub":"bob"}')
    for token in (f"{head}.{body}.", f"{head}.{body}.{zeros}", f"{head}.{other_body}.{signature}"):
        assert refusal(token) == "signature_wrong"


def public_forms(alg: str) -> list[bytes]:
    """What an attacker can know of a public key, in every form that has been taken for a secret."""
    public = PRIVATE_KEYS[alg].public_key()
    forms = [
        public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        for encoding in (Encoding.PEM, Encoding.DER)
    ]
    forms.append(forms[0].strip())
    if alg in {"RS256", "ES256", "EdDSA"}:
        forms.append(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    jwk = SIGNERS[alg].public_jwk
    forms += [json.dumps(jwk).encode(), json.dumps(jwk, separators=(",", ":")).encode()]
    return forms


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_a_public_key_is_no_secret(alg: str) -> None:
    """A159, A086: HS256 keyed with the public key as PEM, DER, SSH or JWK is refused by the key's type."""
    header = base64url.encode(json.dumps({"alg": "HS256", "kid": f"kid-{alg}"}).encode())
    signing_input = f"{header}.{base64url.encode(PAYLOAD)}"
    for secret in public_forms(alg):
        code = HMAC(secret, SHA256())
        code.update(signing_input.encode())
        assert refusal(f"{signing_input}.{base64url.encode(code.finalize())}") == "alg_not_of_key"


def test_the_algorithm_is_the_headers_the_keys_and_the_registered_one() -> None:
    """A160: any two of the three agreeing is not enough."""
    ps_by_rs_key = crafted({"alg": "RS256", "kid": "kid-PS256"}, alg="RS256")
    assert refusal(ps_by_rs_key) == "alg_not_of_key"
    assert refusal(crafted({"alg": "ES384", "kid": "kid-ES256"})) == "alg_not_of_key"
    genuine = SIGNERS["ES256"].sign(PAYLOAD, None)
    assert refusal(genuine, algorithms=frozenset({"PS256", "RS256"})) == "alg_not_allowed"
    assert refusal(genuine, algorithms=frozenset()) == "alg_not_allowed"
    assert accepts(genuine, algorithms=frozenset({"ES256"})) == PAYLOAD


def test_a_key_without_alg_serves_only_its_type() -> None:
    """A160: an RSA key without ``alg`` verifies what is registered, and not its other algorithms."""
    jwk = {name: value for name, value in SIGNERS["RS256"].public_jwk.items() if name != "alg"}
    keys = read_jwks({"keys": [jwk]})
    token = SIGNERS["RS256"].sign(PAYLOAD, None)
    assert accepts(token, keys=keys, algorithms=frozenset({"RS256"})) == PAYLOAD
    assert refusal(token, keys=keys, algorithms=frozenset({"PS256"})) == "alg_not_allowed"


def test_a_key_in_the_header_is_not_believed() -> None:
    """A161: a token signed with an attacker's key that it carries as ``jwk`` is refused."""
    attacker = ec.generate_private_key(ec.SECP256R1())
    mine = SigningKey("kid-ES256", "ES256", attacker)
    header = es256(jwk=mine.public_jwk)
    signing_input = base64url.encode(json.dumps(header).encode()) + "." + base64url.encode(PAYLOAD)
    signature = mine._algorithm.sign(attacker, signing_input.encode())
    assert refusal(f"{signing_input}.{base64url.encode(signature)}") == "signature_wrong"


@pytest.mark.parametrize("parameter", ["jku", "x5u", "x5c", "x5t", "jwk"])
def test_a_pointer_to_a_key_changes_nothing(parameter: str) -> None:
    """A162: such a header is neither followed nor needed; the registered key decides alone."""
    where = {
        "jku": "https://192.0.2.1/jwks",
        "x5u": "https://192.0.2.1/c",
        "x5c": ["AAAA"],
        "x5t": "AA",
        "jwk": {},
    }
    assert accepts(crafted(es256(**{parameter: where[parameter]}))) == PAYLOAD
    unknown = {"alg": "ES256", "kid": "elsewhere", parameter: where[parameter]}
    assert refusal(crafted(unknown)) == "key_unknown"


@pytest.mark.parametrize("crit", [["exp"], [], ["alg"], ["absent"], ["b64"], "exp", None])
def test_crit_is_refused(crit: object) -> None:
    """A164: an extension that must be understood is not, whatever the list holds."""
    assert refusal(crafted(es256(crit=crit, exp=1))) == "crit_not_supported"


@pytest.mark.parametrize("b64", [False, True, None])
def test_an_unencoded_payload_is_refused(b64: object) -> None:
    """A165: RFC 7797 is not supported, with or without its ``crit``."""
    assert refusal(crafted(es256(b64=b64))) == "b64_not_supported"


def test_zip_is_refused() -> None:
    """A170: nothing is ever inflated."""
    assert refusal(crafted(es256(zip="DEF"))) == "zip_not_supported"


def json_serializations() -> list[str]:
    token = SIGNERS["ES256"].sign(PAYLOAD, None)
    protected, payload, signature = token.split(".")
    one = {"protected": protected, "payload": payload, "signature": signature}
    general = {"payload": payload, "signatures": [{"protected": protected, "signature": signature}] * 2}
    unprotected = {**one, "header": {"alg": "none"}}
    return [json.dumps(form) for form in (one, general, unprotected)]


@pytest.mark.parametrize("form", json_serializations())
def test_the_json_serialization_is_refused(form: str) -> None:
    """A166: flattened, general and unprotected-header forms are no tokens here."""
    assert refusal(form) in {"not_compact_jws", "not_base64url"}


@pytest.mark.parametrize("parts", [1, 2, 4, 5, 6])
def test_a_token_has_three_parts(parts: int) -> None:
    """A166: an encrypted token, or any other number of parts, is never taken for a signed one."""
    three = SIGNERS["ES256"].sign(PAYLOAD, None).split(".")
    assert refusal(".".join((three * 2)[:parts])) == "not_compact_jws"


BAD_HEADERS = {
    "duplicate alg": b'{"alg":"ES256","kid":"kid-ES256","alg":"none"}',
    "duplicate by escape": b'{"alg":"none","kid":"kid-ES256","\\u0061lg":"ES256"}',
    "invalid UTF-8": b'{"alg":"ES256","kid":"kid-ES256","x":"\xff"}',
    "byte order mark": b'\xef\xbb\xbf{"alg":"ES256","kid":"kid-ES256"}',
    "trailing bytes": b'{"alg":"ES256","kid":"kid-ES256"}{}',
    "NaN": b'{"alg":"ES256","kid":"kid-ES256","x":NaN}',
    "Infinity": b'{"alg":"ES256","kid":"kid-ES256","x":-Infinity}',
    "depth": b'{"alg":"ES256","kid":"kid-ES256","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "huge number": b'{"alg":"ES256","kid":"kid-ES256","x":' + b"9" * 5000 + b"}",
    "empty": b"",
}


@pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_a_header_that_readers_read_differently_is_refused(header: bytes) -> None:
    """A167: such a header is refused although its signature is genuine."""
    assert refusal(crafted(header)) == "header_not_json"


@pytest.mark.parametrize("header", [b"[]", b'"ES256"', b"null", b"1"])
def test_a_header_is_an_object(header: bytes) -> None:
    """A167: JSON of another type is no header."""
    assert refusal(crafted(header)) == "header_not_object"


def test_a_token_has_one_spelling() -> None:
    """A168: padding, white space, the other alphabet and stray trailing bits are refused in every part."""
    token = SIGNERS["ES256"].sign(PAYLOAD + b"\xff\xfe\xfa", None)
    head, body, signature = token.split(".")
    assert "_" in body or "-" in body
    last = signature[-1]
    stray = signature[:-1] + chr(ord(last) + 1)
    assert base64.urlsafe_b64decode(stray + "==") == base64.urlsafe_b64decode(signature + "==")
    other_alphabet = body.replace("-", "+").replace("_", "/")
    for spelled in (
        f"{head}.{body}.{signature}==",
        f"{head}.{body}.{stray}",
        f"{head}.{other_alphabet}.{signature}",
        f"{head}.{body} .{signature}",
        f"{head}\n.{body}.{signature}",
        f" {token}",
        f"{token}\n",
        f"{token}é",
        f"{head}.{body}=.{signature}",
        f"\ud800{token}",
    ):
        assert refusal(spelled) == "not_base64url"


def test_a_signature_has_its_exact_length() -> None:
    """A158: ECDSA in DER, or with an octet more or less, is refused, as is the s of nobody's r."""
    signing_input, _, signature = SIGNERS["ES256"].sign(PAYLOAD, None).rpartition(".")
    raw = base64url.decode(signature)
    der = PRIVATE_KEYS["ES256"].sign(signing_input.encode(), ec.ECDSA(SHA256()))
    for wrong in (der, raw + b"\0", b"\0" + raw, raw[:-1], raw[:32], bytes(64), b"\xff" * 64):
        assert refusal(f"{signing_input}.{base64url.encode(wrong)}") == "signature_wrong"


def test_a_token_is_small() -> None:
    """A173: beyond 64 KiB a token is refused before anything of it is decoded."""
    assert refusal("A" * (MAX_TOKEN + 1)) == "too_large"
    assert accepts(SIGNERS["ES256"].sign(b"x" * 40_000, None)) == b"x" * 40_000


@pytest.mark.parametrize("kid", ["unknown", "", None, 1, ["kid-ES256"], {"kid": 1}, "KID-ES256"])
def test_an_unknown_kid_is_refused(kid: object) -> None:
    """A089: a key that is not in the set verifies nothing, and a ``kid`` is compared exactly."""
    assert refusal(crafted({"alg": "ES256", "kid": kid})) == "key_unknown"


def test_without_kid_the_key_must_be_the_only_one() -> None:
    """Without ``kid`` the only key of the algorithm is taken; of two, none (OIDC Core §10.1)."""
    token = crafted({"alg": "ES256"})
    assert accepts(token) == PAYLOAD
    second = SigningKey("second", "ES256", ec.generate_private_key(ec.SECP256R1()))
    both = read_jwks({"keys": [SIGNERS["ES256"].public_jwk, second.public_jwk]})
    assert refusal(token, keys=both) == "key_unknown"


@pytest.mark.parametrize(
    "typ", ["at+jwt", "dpop+jwt", "logout+jwt", "oauth-authz-req+jwt", "", None, 1, ["JWT"]]
)
def test_another_kind_of_token_is_refused(typ: object) -> None:
    """A087: a token of another kind, signed by the right key, is not the one that is wanted."""
    assert refusal(crafted(es256(typ=typ))) == "typ_not_wanted"


def test_typ_is_a_media_type() -> None:
    """``typ`` is compared without case and without ``application/`` (RFC 7515 §4.1.9), and may be needed."""
    wanted = frozenset[str | None]({"at+jwt"})
    for typ in ("at+jwt", "AT+JWT", "application/at+jwt"):
        assert verify(crafted(es256(typ=typ)), KEYS, algorithms=ALL, typ=wanted).header["typ"] == typ
    with pytest.raises(JwsRefused, match="typ_not_wanted"):
        verify(crafted(es256()), KEYS, algorithms=ALL, typ=wanted)


CANARY = b'{"password":"canary-6f1d"}'


@pytest.mark.parametrize(
    "token",
    [
        crafted(es256(kid="canary-6f1d"), CANARY),
        crafted(es256(crit=["canary-6f1d"]), CANARY),
        crafted(b'{"alg":"canary-6f1d', CANARY),
        crafted(es256(typ="canary-6f1d"), CANARY),
        crafted(es256(), CANARY)[:-4] + "AAAA",
        "canary-6f1d.canary-6f1d=.canary-6f1d",
        "canary-6f1d",
    ],
)
def test_a_refusal_holds_nothing_of_the_token(token: str) -> None:
    """A178: the exception holds a code, and no part of header, payload or signature."""
    with pytest.raises(JwsRefused) as caught:
        verify(token, KEYS, algorithms=ALL, typ=ANY_TYPE)
    assert caught.value.args == (caught.value.code,)
    assert "canary" not in repr(caught.value)
    assert base64url.encode(CANARY) not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert "canary" not in repr(SIGNERS) + repr(list(KEYS._by_kid.values()))


@given(st.text(alphabet="abcAB019-_.= {}\x00é", max_size=60) | st.binary(max_size=60).map(base64url.encode))
def test_any_text_is_refused_and_never_another_error(token: str) -> None:
    """Whatever arrives as a token is refused by a code."""
    refusal(token)


@given(
    st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "x"]),
        st.none() | st.text() | st.lists(st.integers(0, 3)),
    )
)
def test_any_header_is_refused_or_read_and_never_another_error(header: dict[str, Any]) -> None:
    """Whatever types a header's members have, the answer is a payload or a code."""
    try:
        assert accepts(crafted(header)) == PAYLOAD
    except JwsRefused:
        assert header.get("alg") != "ES256" or set(header) != {"alg"}
