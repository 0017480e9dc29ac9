"""A002 to A035: what the authorization endpoint refuses, over real HTTP, and where the refusal goes."""

from urllib.parse import urlencode

import pytest

from tests.support.browser import Browser, BrowserPage, authorization_query, refused
from tests.support.log import reason_of, whole_log
from tests.support.running import RunningServer

# What is refused here is refused before the store is asked for more than a client and one append.
pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

CALLBACK = "https://rp.example/cb"


def on_error_page(shown: BrowserPage) -> bool:
    """Whether it is the error page: status 400, no redirect, the error id in the page and in a header."""
    error_id = shown.headers.get("Authrim-Error-Id", "")
    return shown.status == 400 and shown.location is None and bool(error_id) and error_id in shown.body


async def get(browser: Browser, pairs: list[tuple[str, str]]) -> BrowserPage:
    """A request whose parameters may repeat."""
    return await browser.request("GET", browser.server.url("/authorize?") + urlencode(pairs))


UNREGISTERED = (
    "https://evil.example/cb?secret=evilquery",
    "https://rp.example/cb/../evil",
    "https://rp.example/cb%2f..%2fevil",
    "https://rp.example/cb%252f..%252fevil",
    "https://rp.example/cb;evil",
    "https://rp.example/cb/",
    "https://rp.example/cb/sub",
    "https://rp.example/c",
    "https://RP.example/cb",
    "https://rp.example:443/cb",
    "http://rp.example/cb",
    "https://rp.example.evil.example/cb",
    "https://rp.example@evil.example/cb",
    "https://rp.example\\@evil.example/cb",
    "https:/rp.example/cb",
    "https://rp.example./cb",
    "https://rp。example/cb",
    "https://rp.example/cb\t",
    "https://rp.example/cb\r\nLocation: https://evil.example",
    "https://rp.example/cb#fragment",
    "https://rp.example/cb#",
    "https://rp.example/cb?added=1",
    "https://rp.example/cb?",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,evil",
    "//rp.example/cb",
    "/cb",
)


async def test_an_unregistered_redirect_uri_is_never_gone_to(server: RunningServer, browser: Browser) -> None:
    """A002, A003, A005, A006, A010: error page, no redirect, and the log keeps nothing of the URI."""
    web = await server.client("web")
    for redirect_uri in UNREGISTERED:
        shown, _ = await browser.authorize(web, redirect_uri=redirect_uri)
        assert on_error_page(shown), redirect_uri
    assert "evil" not in await whole_log(server)


async def test_the_registered_query_must_come_back_as_it_is(server: RunningServer, browser: Browser) -> None:
    """A011: a query that is missing, reordered or longer than the registered one is another URI."""
    registered = CALLBACK + "?dummy1=lorem&dummy2=ipsum"
    client = await server.client("query", kind="web", redirect_uris=(registered,))
    for redirect_uri in (CALLBACK, CALLBACK + "?dummy2=ipsum&dummy1=lorem", registered + "&dummy3=dolor"):
        shown, _ = await browser.authorize(client, redirect_uri=redirect_uri)
        assert on_error_page(shown), redirect_uri


async def test_of_a_loopback_redirect_only_the_port_varies(server: RunningServer, browser: Browser) -> None:
    """A008: another path, query or host of a native client's loopback address is refused (RFC 8252 §7.3)."""
    native = await server.client(
        "native", kind="spa", application_type="native", redirect_uris=("http://127.0.0.1:1111/cb",)
    )
    shown, _ = await browser.authorize(native, redirect_uri="http://127.0.0.1:2222/cb")
    assert "/login/" in shown.url
    for varied in (
        "http://127.0.0.1:2222/other",
        "http://127.0.0.1:2222/cb?x=1",
        "http://localhost:2222/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://[::1]:2222/cb",
        "https://127.0.0.1:2222/cb",
    ):
        shown, _ = await browser.authorize(native, redirect_uri=varied)
        assert on_error_page(shown), varied


async def test_redirect_uri_is_required_in_openid_and_with_several(
    server: RunningServer, browser: Browser
) -> None:
    """A012: left out of an OpenID request, or of any when several are registered: error page."""
    web = await server.client("web")
    several = await server.client("several", kind="web", redirect_uris=(CALLBACK, CALLBACK + "2"))
    for client, scope in ((web, "openid"), (several, "openid"), (several, "profile")):
        shown, _ = await browser.authorize(client, redirect_uri=None, scope=scope)
        assert on_error_page(shown), (client.client_id, scope)


async def test_an_unknown_client_is_told_on_a_page(server: RunningServer, browser: Browser) -> None:
    """A002: without a client nothing is trusted; the error id leads an auditor to the reason."""
    web = await server.client("web")
    for client_id in (None, "nobody", "nobody\r\nx"):
        shown, _ = await browser.authorize(web, client_id=client_id)
        assert on_error_page(shown), client_id
    assert await reason_of(server, shown.headers["Authrim-Error-Id"]) == "client_unknown"


async def test_a_repeated_client_or_redirect_uri_is_not_trusted(
    server: RunningServer, browser: Browser
) -> None:
    """A013: of two client_id or redirect_uri neither is believed, even when they are equal."""
    web = await server.client("web")
    _, query = authorization_query(web)
    for name, value in (
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", web.redirect_uri),
        ("client_id", "other"),
        ("client_id", web.client_id),
    ):
        for pairs in ([*query.items(), (name, value)], [(name, value), *query.items()]):
            assert on_error_page(await get(browser, pairs)), name


async def test_another_repeated_parameter_goes_back_to_the_client(
    server: RunningServer, browser: Browser
) -> None:
    """A014: ``invalid_request`` by redirect; a repeated ``state`` is not echoed; ``resource`` may repeat."""
    web = await server.client("web", audiences=("https://a.example/", "https://b.example/"))
    _, query = authorization_query(web, nonce="n", prompt="login")
    for name in ("scope", "nonce", "code_challenge", "response_type", "prompt", "state"):
        shown = await get(browser, [*query.items(), (name, query[name])])
        assert shown.parameters["error"] == "invalid_request", name
        assert shown.parameters.get("state") == (None if name == "state" else "a-state"), name
    resources = [("resource", "https://a.example/"), ("resource", "https://b.example/")]
    assert "/login/" in (await get(browser, [*query.items(), *resources])).url


async def test_response_types(server: RunningServer, browser: Browser) -> None:
    """A016, A017: a missing response type, an unknown one and ``token`` alone are refused in the query; one that the
    client has not registered in the fragment, because tokens would have come there. No token comes."""
    web = await server.client("web")
    assert (await refused(browser, web, response_type=None))["error"] == "invalid_request"
    for response_type in ("token", "CODE", "code code", "code none"):
        answered = await refused(browser, web, response_type=response_type)
        assert answered["error"] == "unsupported_response_type", response_type
    assert (await refused(browser, web, response_type="none"))["error"] == "unauthorized_client"
    for response_type in ("id_token", "id_token token", "token id_token", "code token", "id_token code"):
        shown, _ = await browser.authorize(web, response_type=response_type, nonce="n")
        assert (shown.location or "").startswith(f"{web.redirect_uri}#error=unauthorized_client"), (
            response_type
        )
        assert not {"code", "id_token", "access_token"} & shown.parameters.keys()


async def test_a_response_mode_that_is_not_ours_or_not_the_clients(
    server: RunningServer, browser: Browser
) -> None:
    """A017, A020: an unknown mode is ``invalid_request``, an unregistered one ``unauthorized_client``."""
    web = await server.client("web")
    limited = await server.client("limited", kind="web", response_modes=("query",))
    assert (await refused(browser, web, response_mode="web_message"))["error"] == "invalid_request"
    shown, _ = await browser.authorize(limited, response_mode="form_post")
    assert shown.location is None
    assert "unauthorized_client" in shown.body


async def test_prompt_none_stands_alone(server: RunningServer, browser: Browser) -> None:
    """A021: ``prompt=none`` with another value, and an unknown prompt, are ``invalid_request``."""
    web = await server.client("web")
    for prompt in ("none login", "consent none", "maybe"):
        assert (await refused(browser, web, prompt=prompt))["error"] == "invalid_request", prompt


async def test_prompt_none_never_shows_a_page(server: RunningServer, browser: Browser) -> None:
    """A022: without a session ``login_required``, without consent ``consent_required``, never a page."""
    web = await server.client("web")
    other = await server.client("other", kind="web")
    assert (await refused(browser, web, prompt="none"))["error"] == "login_required"
    await browser.code_flow(web)
    assert (await refused(browser, other, prompt="none"))["error"] == "consent_required"
    assert (await refused(browser, web, prompt="none", scope="openid email"))["error"] == "consent_required"
    assert (await refused(browser, web, prompt="none", max_age="0"))["error"] == "login_required"


async def test_a_native_client_without_a_secret_is_always_asked_for(
    server: RunningServer, browser: Browser
) -> None:
    """A023: consent given before proves nothing for a client that any application can pose as."""
    native = await server.client(
        "native", kind="spa", application_type="native", redirect_uris=("com.example.app:/cb",)
    )
    await browser.code_flow(native)
    assert (await refused(browser, native, prompt="none"))["error"] == "consent_required"
    shown, _ = await browser.authorize(native)
    assert "/consent/" in shown.url


async def test_max_age_is_a_number_of_seconds(server: RunningServer, browser: Browser) -> None:
    """A024: zero asks to sign in again; negative, fractional, huge and other digits are ``invalid_request``."""
    web = await server.client("web")
    await browser.code_flow(web)
    shown, _ = await browser.authorize(web, max_age="0")
    assert "/login/" in shown.url
    for max_age in ("-1", "1.5", "1e3", "abc", "٣", "9007199254740992", "9" * 400):
        assert (await refused(browser, web, max_age=max_age))["error"] == "invalid_request", max_age


async def test_an_essential_acr_out_of_reach(server: RunningServer, browser: Browser) -> None:
    """A026, A027: it is refused before anybody signs in, and a session is no way around it."""
    web = await server.client("web")
    claims = '{"id_token":{"acr":{"essential":true,"values":["urn:sca"]}}}'
    assert (await refused(browser, web, claims=claims))["error"] == "unmet_authentication_requirements"
    await browser.code_flow(web)
    assert (await refused(browser, web, claims=claims))["error"] == "unmet_authentication_requirements"


async def test_a_scope_outside_the_grammar(server: RunningServer, browser: Browser) -> None:
    """A028: ``invalid_scope``, and nothing of the value comes back in a header; one that is well-formed is named."""
    web = await server.client("web")
    for scope in (
        'openid "x"',
        "openid a\\b",
        "openid\tb",
        "openid é",
        'unregistered "',
        "openid\r\nX: y",
        None,
    ):
        shown, _ = await browser.authorize(web, scope=scope)
        assert shown.parameters["error"] == "invalid_scope", scope
        assert "unregistered" not in (shown.location or "")
    shown, _ = await browser.authorize(web, scope="unregistered")
    assert shown.parameters["error"] == "invalid_scope"
    assert "scope unregistered." in shown.parameters["error_description"]
    many = " ".join(f"s{number}" for number in range(2000))
    assert (await refused(browser, web, scope=many[:3000]))["error"] == "invalid_scope"


async def test_hostile_claims_json(server: RunningServer, browser: Browser) -> None:
    """A029: broken, deep, repeated, huge or oddly shaped claims are ``invalid_request`` and never a 500."""
    web = await server.client("web")
    for claims in (
        "{",
        "[]",
        '"name"',
        "[" * 1000,
        '{"id_token":' * 40 + "{}" + "}" * 40,
        '{"userinfo":{"name":null,"name":null}}',
        '{"userinfo":[]}',
        '{"id_token":{"acr":{"values":[1]}}}',
        '{"id_token":{"acr":7}}',
        '{"id_token":{"sub":{"value":7}}}',
        '{"id_token":{"auth_time":{"value":' + "9" * 400 + "}}}",
        '{"id_token":{"auth_time":NaN}}',
    ):
        assert (await refused(browser, web, claims=claims))["error"] == "invalid_request", claims[:60]
    _, query = authorization_query(web, claims="[" * 10_000)
    shown = await browser.request("POST", server.url("/authorize"), query)
    assert shown.parameters["error"] == "invalid_request"
    shown, _ = await browser.authorize(web, claims='{"__proto__":{"x":1},"userinfo":{"__proto__":null}}')
    assert "/login/" in shown.url


async def test_state_comes_back_byte_for_byte(server: RunningServer, browser: Browser) -> None:
    """A030, A197: line breaks, markup and non-ASCII are encoded for the redirect, not lost and not obeyed."""
    web = await server.client("web")
    for state in ("a\r\nSet-Cookie: x=1", "<script>alert(1)</script>", "é&=#+ %20", "s" * 128, "s" * 4096):
        answered = await refused(browser, web, prompt="none", state=state)
        assert answered["state"] == state
    for name in ("state", "nonce"):
        answered = await refused(browser, web, **{name: "s" * 4097})
        assert answered["error"] == "invalid_request", name


async def test_a_post_with_something_else_than_a_form(server: RunningServer, browser: Browser) -> None:
    """A032: JSON and multipart are 415, and parameters in the query beside a form are refused."""
    web = await server.client("web")
    _, query = authorization_query(web)
    url = server.url("/authorize")
    for headers in (
        {"Content-Type": "application/json"},
        {"Content-Type": "multipart/form-data; boundary=x"},
    ):
        shown = await browser.request("POST", url, urlencode(query).encode(), headers)
        assert (shown.status, shown.location) == (415, None)
    shown = await browser.request("POST", f"{url}?client_id={web.client_id}", query)
    assert on_error_page(shown)


async def test_a_hint_that_is_not_ours(server: RunningServer, browser: Browser) -> None:
    """A033: garbage, ``alg: none``, a changed signature, another client's and an access token are refused."""
    web = await server.client("web")
    other = await server.client("other", kind="web")
    tokens = await browser.code_flow(web)
    foreign = (await browser.code_flow(other))["id_token"]
    header, payload, signature = tokens["id_token"].split(".")
    for hint in (
        "garbage",
        "a.b.c.d.e",
        f"eyJhbGciOiJub25lIn0.{payload}.",
        f"{header}.{payload}.{signature[::-1]}",
        foreign,
        tokens["access_token"],
    ):
        assert (await refused(browser, web, id_token_hint=hint))["error"] == "invalid_request", hint[:40]


async def test_a_hint_and_a_claim_that_name_two_people(server: RunningServer, browser: Browser) -> None:
    """A033: a request about two people at once is refused, whoever is signed in (OIDC Core §5.5.1)."""
    web = await server.client("web")
    hint = (await browser.code_flow(web))["id_token"]
    claims = '{"id_token":{"sub":{"value":"somebody-else"}}}'
    answered = await refused(browser, web, id_token_hint=hint, claims=claims, prompt="none")
    assert answered["error"] == "invalid_request"
