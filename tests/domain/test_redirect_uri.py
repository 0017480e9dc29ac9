"""Redirect URIs: what may be registered, what matches, and how answers are appended (A002 to A012, A015)."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.client.redirect_uri import (
    append_fragment,
    append_parameters,
    is_plain_http,
    matches,
    origin_of,
    registration_problem,
    shape_problem,
)

REFUSED_FOR_EVERYBODY = [
    ("A004", "https://example.com*"),
    ("A004", "https://*.example.com/cb"),
    ("A004", "https://example.com/cb*"),
    ("A005", "https://good.com@evil.com/cb"),
    ("A005", "https://user:pass@good.com/cb"),
    ("A005", "https://good.com\\@evil.com/cb"),
    ("A005", "https:/\\evil.com/cb"),
    ("A005", "https:/evil.com/cb"),
    ("A005", "https:evil.com/cb"),
    ("A005", "https:///cb"),
    ("A005", "//evil.com/cb"),
    ("A005", "/cb"),
    ("A005", "https://good.com./cb"),
    ("A005", "https://.good.com/cb"),
    ("A005", "https://good..com/cb"),
    ("A005", "https://good\uff0ecom/cb"),
    ("A005", "https://bücher.example/cb"),
    ("A005", "https://good%2ecom/cb"),
    ("A005", "https://good.com/\tcb"),
    ("A005", "https://good.com/cb\n"),
    ("A005", " https://good.com/cb"),
    ("A005", "https://good.com/c b"),
    ("A005", "https://good.com/cb\x00"),
    ("A005", "https://good.com/%zz"),
    ("A005", "https://good.com:/cb"),
    ("A005", "https://good.com:0/cb"),
    ("A005", "https://good.com:65536/cb"),
    ("A005", "https://[::1/cb"),
    ("A006", "javascript:alert(1)"),
    ("A006", "JaVaScRiPt:alert(1)"),
    ("A006", "data:text/html,hello"),
    ("A006", "vbscript:msgbox"),
    ("A006", "blob:https://good.com/1"),
    ("A006", "file:///etc/passwd"),
    ("A006", "about:blank"),
    ("A006", "intent://scan/"),
    ("A009", "myapp:/cb"),
    ("A010", "https://good.com/cb#fragment"),
    ("A010", "https://good.com/cb#"),
    ("A015", "https://good.com/cb?code=1"),
    ("A015", "https://good.com/cb?a=b&%63ode=1"),
    ("A015", "https://good.com/cb?state="),
    ("A015", "https://good.com/cb?error=x"),
    ("A015", "https://good.com/cb?iss=x"),
    ("A015", "https://good.com/cb?response=x"),
    ("A003", "https://good.com/cb/../evil"),
    ("A003", "https://good.com/cb/%2e%2e/evil"),
    ("length", "https://good.com/" + "a" * 2000),
    ("length", ""),
]


@pytest.mark.parametrize("application_type", ["web", "native"])
@pytest.mark.parametrize(("row", "uri"), REFUSED_FOR_EVERYBODY)
def test_no_client_registers_it(row: str, uri: str, application_type: str) -> None:
    """Shapes on which parsers disagree, or that run code, are refused at registration, with a fix."""
    problem = registration_problem(uri, application_type, development=True)
    assert problem is not None, row
    assert problem.fix


@pytest.mark.parametrize(("row", "uri"), REFUSED_FOR_EVERYBODY)
def test_no_client_uses_it_even_when_stored(row: str, uri: str) -> None:
    """The same shapes are refused at use, should one ever have got into a registration (A006, A010)."""
    client = Client("c", ClientMetadata(redirect_uris=(uri,), application_type="native"))
    assert not matches(client, uri), row


@pytest.mark.parametrize(
    ("row", "uri", "web", "native", "development"),
    [
        ("https", "https://client.example/cb", True, True, True),
        ("https port", "https://client.example:8443/cb", True, True, True),
        ("query", "https://client.example/cb?dummy1=lorem&dummy2=ipsum", True, True, True),
        ("A009 http", "http://client.example/cb", False, False, False),
        ("A008 loopback", "http://127.0.0.1/cb", False, True, True),
        ("A008 loopback 6", "http://[::1]:8080/cb", False, True, True),
        ("A008 localhost", "http://localhost:8080/cb", False, True, True),
        ("A008 prefix", "http://127.0.0.1.evil.example/cb", False, False, False),
        ("A008 localhost prefix", "http://localhost.evil.example/cb", False, False, False),
        ("A009 own scheme", "com.example.app:/cb", False, True, False),
        ("A009 own scheme with host", "com.example.app://cb", False, True, False),
    ],
)
def test_registration_by_kind_of_client(
    row: str, uri: str, web: bool, native: bool, development: bool
) -> None:
    """https for the web; loopback and own schemes for native clients; loopback in development (A009)."""
    assert (registration_problem(uri, "web") is None) is web, row
    assert (registration_problem(uri, "native") is None) is native, row
    assert (registration_problem(uri, "web", development=True) is None) is development, row


WEB = Client(
    "web", ClientMetadata(redirect_uris=("https://client.example/cb", "https://client.example/q?a=1&b=2"))
)


@pytest.mark.parametrize(
    ("row", "uri", "expected"),
    [
        ("registered", "https://client.example/cb", True),
        ("registered with query", "https://client.example/q?a=1&b=2", True),
        ("A002 other host", "https://evil.example/cb", False),
        ("A002 other scheme", "http://client.example/cb", False),
        ("A003 sub-path", "https://client.example/cb/evil", False),
        ("A003 prefix", "https://client.example/c", False),
        ("A003 traversal", "https://client.example/cb/../cb", False),
        ("A003 encoded", "https://client.example/c%62", False),
        ("A003 double encoded", "https://client.example/cb%252f", False),
        ("A003 matrix", "https://client.example/cb;a=b", False),
        ("A003 host case", "https://CLIENT.example/cb", False),
        ("A003 default port", "https://client.example:443/cb", False),
        ("A005 trailing newline", "https://client.example/cb\n", False),
        ("A010 fragment", "https://client.example/cb#x", False),
        ("A011 query added", "https://client.example/cb?foo=bar", False),
        ("A011 query missing", "https://client.example/q", False),
        ("A011 query reordered", "https://client.example/q?b=2&a=1", False),
        ("A012 empty", "", False),
    ],
)
def test_use_is_an_exact_comparison(row: str, uri: str, expected: bool) -> None:
    """Only the registered string itself matches; nothing is normalised (A002, A003, A011)."""
    assert matches(WEB, uri) is expected, row


@pytest.mark.parametrize(
    ("row", "registered", "uri", "expected"),
    [
        ("port given", "http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", True),
        ("port differs", "http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb", True),
        ("IPv6", "http://[::1]/cb", "http://[::1]:51004/cb", True),
        ("query stays", "http://127.0.0.1/cb?a=1", "http://127.0.0.1:2/cb?a=1", True),
        ("path varies", "http://127.0.0.1/cb", "http://127.0.0.1:2/evil", False),
        ("path added", "http://127.0.0.1", "http://127.0.0.1:2/", False),
        ("query varies", "http://127.0.0.1/cb", "http://127.0.0.1:2/cb?a=1", False),
        ("host varies", "http://127.0.0.1/cb", "http://localhost:2/cb", False),
        ("other loopback", "http://127.0.0.1/cb", "http://[::1]:2/cb", False),
        ("localhost", "http://localhost:1/cb", "http://localhost:2/cb", True),
        ("localhost path", "http://localhost:1/cb", "http://localhost:2/evil", False),
        ("localhost is no address", "http://localhost/cb", "http://127.0.0.1:2/cb", False),
        ("localhost suffix", "http://localhost/cb", "http://localhost.evil:2/cb", False),
        ("suffix", "http://127.0.0.1/cb", "http://127.0.0.1.evil:2/cb", False),
        ("user information", "http://127.0.0.1/cb", "http://127.0.0.1:2@evil/cb", False),
        ("scheme varies", "http://127.0.0.1/cb", "https://127.0.0.1:2/cb", False),
        ("port out of range", "http://127.0.0.1/cb", "http://127.0.0.1:99999/cb", False),
        ("not loopback", "https://client.example/cb", "https://client.example:2/cb", False),
    ],
)
def test_only_the_loopback_port_of_a_native_client_varies(
    row: str, registered: str, uri: str, expected: bool
) -> None:
    """RFC 8252 §7.3, and not one character more (A008)."""
    native = Client("native", ClientMetadata(redirect_uris=(registered,), application_type="native"))
    assert matches(native, uri) is expected, row


def test_a_web_client_has_no_loopback_port_rule() -> None:
    """A development web client on loopback is compared exactly (A008)."""
    web = Client("web", ClientMetadata(redirect_uris=("http://127.0.0.1:8080/cb",)))
    assert matches(web, "http://127.0.0.1:8080/cb")
    assert not matches(web, "http://127.0.0.1:8081/cb")


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://Client.example/cb?x=y", "https://client.example"),
        ("https://client.example:8443", "https://client.example:8443"),
        ("http://[::1]:80/cb", "http://[::1]:80"),
        ("com.example.app:/cb", "com.example.app:"),
    ],
)
def test_origin(uri: str, origin: str) -> None:
    """The page names where the answer goes (A038)."""
    assert origin_of(uri) == origin


def test_an_existing_query_is_kept_byte_for_byte() -> None:
    """The suite's ``oidcc-redirect-uri-query-OK``: the query comes back as it was registered."""
    uri = "https://client.example/cb?dummy1=lorem&dummy2=ipsum%20x+y"
    assert append_parameters(uri, {"code": "a b", "iss": "https://op"}) == (
        uri + "&code=a%20b&iss=https%3A%2F%2Fop"
    )


@given(
    uri=st.sampled_from(
        [
            "https://client.example",
            "https://client.example/cb",
            "https://client.example/cb?",
            "https://client.example/cb?dummy1=lorem&dummy2=ipsum",
            "https://client.example/cb?a=1&",
            "com.example.app:/cb",
        ]
    ),
    parameters=st.dictionaries(
        st.text(st.characters(categories=["Ll"]), min_size=1),
        st.text(st.characters(exclude_categories=["Cs"])),
        min_size=1,
    ),
)
def test_appended_parameters_are_read_back(uri: str, parameters: dict[str, str]) -> None:
    """Whatever state holds, a reader of query or fragment gets it back, and the URI is its beginning."""
    assert shape_problem(uri) is None
    by_query = append_parameters(uri, parameters)
    assert by_query.startswith(uri)
    before = parse_qsl(urlsplit(uri).query)
    assert parse_qsl(urlsplit(by_query).query, keep_blank_values=True) == [*before, *parameters.items()]
    by_fragment = append_fragment(uri, parameters)
    assert parse_qsl(by_fragment.partition("#")[2], keep_blank_values=True) == list(parameters.items())


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("http://wiki.intranet/cb", True), ("http://10.1.2.3:8080/cb", True), ("http://wiki/cb", True),
        ("HTTP://wiki/cb", True), ("https://wiki/cb", True), ("http://localhost/cb", True),
        ("http://user@wiki/cb", False), ("http://wiki/cb#a", False), ("http://wiki/*", False),
        ("http://wiki/../cb", False), ("http:///cb", False), ("http:wiki", False), ("ws://wiki/cb", False),
        ("com.example.app:/cb", False),
    ],
)  # fmt: skip
def test_plain_http_is_only_the_scheme(uri: str, allowed: bool) -> None:
    """A255: an administrator allows http, and every other rule of redirect URIs stays."""
    assert (registration_problem(uri, "web", plain_http=True) is None) is allowed
    if uri.lower().startswith("http:") and "localhost" not in uri:
        assert registration_problem(uri, "web") is not None


@pytest.mark.parametrize(
    ("uri", "plain"),
    [
        ("http://wiki/cb", True), ("HTTP://wiki/cb", True), ("http://127.0.0.2/cb", True), ("https://wiki/", False),
        ("http://localhost:1/cb", False), ("http://127.0.0.1/cb", False), ("http://[::1]/cb", False),
        ("http://localhost.wiki/cb", True), ("com.example.app:/cb", False),
    ],
)  # fmt: skip
def test_which_addresses_are_warned_of(uri: str, plain: bool) -> None:
    """A255: what stays on the person's machine crosses no network."""
    assert is_plain_http(uri) is plain
