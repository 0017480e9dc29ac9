"""A093: two names are the same when they name the same, however each is written (RFC 4514, RFC 5280 §7.1)."""

import pytest

from domain.registration.distinguished_name import parse, prepare

CN, ORG, C, UID = "2.5.4.3", "2.5.4.10", "2.5.4.6", "0.9.2342.19200300.100.1.1"

READ = {
    "CN=client": (((CN, "client"),),),
    "CN=client,O=Example,C=DE": (((C, "de"),), ((ORG, "example"),), ((CN, "client"),)),
    "UID=jsmith+CN=Steve Kille,O=Isode Limited": (
        ((ORG, "isode limited"),),
        ((UID, "jsmith"), (CN, "steve kille")),
    ),
    r"CN=James \"Jim\" Smith\, III,O=A": (((ORG, "a"),), ((CN, 'james "jim" smith, iii'),)),
    r"CN=a\+b\=c": (((CN, "a+b=c"),),),
    r"CN=\#hash": (((CN, "#hash"),),),
    r"CN=Lu\C4\8Di\C4\87": (((CN, "lučić"),),),
    "CN=Lučić": (((CN, "lučić"),),),
    "1.3.6.1.4.1.1466.0=#04024869": None,
    "2.5.4.3=#0C04436C69656E": None,
    "2.5.4.3=#0C06436C69656E74": (((CN, "client"),),),
    "OID.2.5.4.3=client": (((CN, "client"),),),
    "1.2.840.113549.1.9.1=#160E63406578616D706C652E636F6D2E": (
        (("1.2.840.113549.1.9.1", "c@example.com."),),
    ),
    "cn = client , o = Example": (((ORG, "example"),), ((CN, "client"),)),
    r"CN=client\ ": (((CN, "client"),),),
    "": None,
    "client": None,
    "CN=": None,
    "CN": None,
    "CN=a,": None,
    ",CN=a": None,
    "CN=a,,O=b": None,
    "CN=a+": None,
    "XYZ=a": None,
    "3.5=a": None,
    "CN=a;O=b": None,
    'CN="a"': None,
    "CN=a<b": None,
    "CN=a\0b": None,
    r"CN=a\00b": None,
    r"CN=a\C4": None,
    "CN=a\\": None,
    r"CN=a\zz": None,
    "CN=#": None,
    "CN=#zz": None,
    "CN=\ud800": None,
}  # fmt: skip


@pytest.mark.parametrize(("text", "name"), READ.items())
def test_a_name_is_read_as_a_structure(text: str, name: object) -> None:
    """RFC 4514: escapes, multi-valued names and hexadecimal values; what is malformed is no name at all."""
    assert parse(text) == name


SAME = [
    ("CN=Client,O=Example", "CN=client,O=EXAMPLE"),
    ("CN=a  b", "CN=a b"),
    ("CN=a+OU=b", "OU=b+CN=a"),
    ("CN=Straße", "CN=STRASSE"),
    ("CN=é", "CN=e\u0301"),
    (r"CN=a\,O\=b", r"CN=a\2CO\3Db"),
    ("2.5.4.10=x", "O=x"),
]
DIFFERENT = [
    ("CN=a,O=b", "O=b,CN=a"),
    ("CN=a,O=b", r"CN=a\,O\=b"),
    ("CN=a,OU=b", "CN=a+OU=b"),
    ("CN=a", "CN=a,O=b"),
    ("CN=a", "OU=a"),
    ("CN=a", "CN=a\u200b"),
    ("CN=а", "CN=a"),
    ("CN=a+CN=b", "CN=a"),
    ("CN=ab", "CN=a b"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_name_written_otherwise(one: str, other: str) -> None:
    """Case, repeated spaces, the order within one relative name and the spelling of a character do not count."""
    assert parse(one) is not None
    assert parse(one) == parse(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_name(one: str, other: str) -> None:
    """The order of relative names, an escaped comma, a look-alike and one more attribute make another name."""
    assert parse(one) is None or parse(one) != parse(other)


@pytest.mark.parametrize("value", ["", " ", "a\0", "\0", "a\tb", "a\u200b", "\ue000", "a\x7f"])
def test_what_can_be_compared_with_nothing(value: str) -> None:
    """Control, invisible and private characters are in no name: dropping them would make two names one."""
    assert prepare(value) is None
