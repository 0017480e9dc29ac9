"""A180, A195, A197, A198, A226: what every answer carries, what never reaches a header or a log line."""

import asyncio
import io
import json
import subprocess
import sys

import pytest
from multidict import CIMultiDict
from structlog.testing import capture_logs

from authrim.outside.log_lines import FLUSH_SECONDS, LineWriter
from authrim.outside.telemetry import scrub_text
from authrim.web.cors import ANY_ORIGIN, cors_headers
from authrim.web.errors import error_members, json_refusal, resource_challenge, resource_refusal, section_uri
from authrim.web.trace_context import Caller, caller_of, trace_id_of
from domain.errors import Refusal, invalid_client, invalid_grant, temporarily_unavailable
from tests.attacks.raw_http import ask, members, sample_app, serving

ID = "e" * 32


def get(path: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n".encode()


async def test_every_answer_is_protected() -> None:
    """A195: no answer, a failed one included, may be cached or sniffed, or tells a version."""
    async with serving(sample_app()) as running:
        for path in ("/hello", "/page", "/nothing", "/broken"):
            _, headers, _ = await ask(running.port, get(path))
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["server"] == "Authrim"
        _, headers, _ = await ask(running.port, b"garbage\r\n\r\n")
        assert headers["server"] == "Authrim"


async def test_a_page_cannot_be_framed() -> None:
    """A180, A195: a page that sets no policy of its own still gets the strict one."""
    async with serving(sample_app()) as running:
        _, headers, _ = await ask(running.port, get("/page"))
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_control_characters_never_reach_a_header() -> None:
    """A197: a handler that builds a header with CRLF gets a bare 500, and nothing is injected."""
    async with serving(sample_app()) as running:
        status, headers, body = await ask(running.port, get("/location"))
    assert status == 500
    assert "set-cookie" not in headers
    assert "location" not in headers
    assert body == b"500 Internal Server Error\n"


async def test_a_failure_shows_an_id_and_no_more() -> None:
    """A226, A227: an unexpected exception is server_error; the log has its id and place, not its text."""
    async with serving(sample_app()) as running:
        with capture_logs() as lines:
            status, headers, body = await ask(running.port, get("/broken"))
    assert status == 500
    assert members(body) == {
        "error": "server_error",
        "error_description": "The server met an unexpected condition.",
    }
    failed = next(line for line in lines if line["event"] == "request.failed")
    assert failed["error_id"] == headers["authrim-error-id"]
    assert failed["kind"] == "KeyError"
    assert any("_broken" in place for place in failed["where"])
    assert "canary" not in repr(lines)
    assert b"Traceback" not in body


async def test_an_unavailable_store_is_503() -> None:
    """An append that could not be made is temporarily_unavailable with Retry-After."""
    async with serving(sample_app()) as running:
        status, headers, body = await ask(running.port, get("/overloaded"))
    assert (status, headers["retry-after"]) == (503, "1")
    assert members(body)["error"] == "temporarily_unavailable"


async def test_unknown_paths_and_methods() -> None:
    """An unknown path is 404, a wrong method is 405 with Allow, and neither repeats the path."""
    async with serving(sample_app()) as running:
        status, _, body = await ask(running.port, get("/canary"))
        assert status == 404
        assert b"canary" not in body
        status, headers, _ = await ask(running.port, get("/form"))
        assert (status, headers["allow"]) == (405, "POST")


async def test_a_log_line_names_the_route_and_never_the_path() -> None:
    """A227: one line per request with method, route, status, duration and trace; no path, query or header."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with serving(sample_app()) as running:
        with capture_logs() as lines:
            await ask(
                running.port,
                get("/authorize?code=canary", f"traceparent: 00-{trace}-b7ad6b7169203331-01\r\n"),
            )
            await ask(running.port, get("/canary"))
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "authorize", 200),
        ("GET", "unknown", 404),
    ]
    assert "canary" not in repr(lines)


def test_trace_id_comes_from_a_valid_traceparent() -> None:
    """W3C Trace Context §3.2.2, §3.2.4: one valid header is taken, also of a later version; anything else gets a new
    trace."""
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

    def sent(*values: str) -> CIMultiDict[str]:
        return CIMultiDict([("traceparent", value) for value in values])

    good = f"00-{trace}-{span}-01"
    assert caller_of(sent(good)) == Caller(trace, span, is_sampled=True)
    assert caller_of(sent(f"00-{trace}-{span}-02")) == Caller(trace, span, is_sampled=False)
    assert trace_id_of(sent(f"cc-{trace}-{span}-01-of a later version")) == trace
    wrong = (
        "", "canary", f"00-{'0' * 32}-{span}-01", f"00-{trace}-{'0' * 16}-01", f"00-{trace.upper()}-{span}-01",
        f"{good}-", f"{good}-more", f"{good}0", f"ff-{trace}-{span}-01", f"cc-{trace}-{span}-01.more", f"{good}\n",
    )  # fmt: skip
    for headers in (sent(), sent(good, good), *map(sent, wrong)):
        assert caller_of(headers) is None
        made = trace_id_of(headers)
        assert len(made) == 32
        assert made not in (trace, "0" * 32)


def test_refusal_as_json() -> None:
    """RFC 6749 §5.2: error, description with its hint, and a link; nothing else in the body."""
    response = json_refusal(
        invalid_grant("The code is expired.", reason="expired", hint="Start again."), error_id=ID
    )
    assert response.status == 400
    assert json.loads(response.body or b"") == {
        "error": "invalid_grant",
        "error_description": "The code is expired. Start again.",
        "error_uri": "https://www.rfc-editor.org/rfc/rfc6749#section-5.2",
    }
    assert response.headers["Authrim-Error-Id"] == ID
    assert "WWW-Authenticate" not in response.headers


def test_failed_basic_authentication_is_challenged() -> None:
    """RFC 6749 §5.2: WWW-Authenticate when the client used the Authorization header, and only then."""
    refusal = invalid_client("The client is not known.", reason="unknown")
    assert json_refusal(refusal, error_id=ID, basic=True).headers["WWW-Authenticate"].startswith("Basic ")
    without = json_refusal(refusal, error_id=ID)
    assert without.status == 401
    assert "WWW-Authenticate" not in without.headers


def test_retry_after_is_sent() -> None:
    """A refusal that says when to come back says so in its header."""
    assert (
        json_refusal(temporarily_unavailable("Busy.", retry_after=7), error_id=ID).headers["Retry-After"]
        == "7"
    )


def test_resource_refusals() -> None:
    """RFC 6750 §3: the error is in the challenge; without credentials the challenge names none (§3.1)."""
    refusal = Refusal("insufficient_scope", "More is needed.", status=403)
    challenge = resource_refusal(refusal, error_id=ID, scope="openid").headers["WWW-Authenticate"]
    expected = 'Bearer realm="authrim", error="insufficient_scope", error_description="More is needed."'
    assert challenge == f'{expected}, scope="openid"'
    nothing = resource_challenge(error_id=ID, schemes=("DPoP",))
    assert (nothing.status, nothing.headers["WWW-Authenticate"]) == (
        401,
        'DPoP realm="authrim", algs="ES256 PS256 EdDSA Ed25519"',
    )


@pytest.mark.parametrize("text", ['a"b', "a\r\nSet-Cookie: x=y", "a\\b", "\x00", "é", "\u202e", "\ud800"])
def test_descriptions_keep_to_the_characters_of_rfc_6749(text: str) -> None:
    """A197: quotes, backslashes and control characters reach neither the body nor a quoted-string."""
    refusal = Refusal("invalid_token", text, status=401)
    allowed = {chr(code) for code in range(0x20, 0x7F)} - {'"', "\\"}
    assert set(error_members(refusal)["error_description"]) <= allowed
    challenge = resource_refusal(refusal, error_id=ID, scope=text).headers["WWW-Authenticate"]
    assert set(challenge) <= allowed | {'"'}
    assert challenge.count('"') == 8


def test_error_uri_leads_to_the_section() -> None:
    """A section of an RFC becomes a link to it; other specifications have none."""
    assert section_uri("RFC 9126 §2.1") == "https://www.rfc-editor.org/rfc/rfc9126#section-2.1"
    assert section_uri("RFC 6749 App. B") == "https://www.rfc-editor.org/rfc/rfc6749#appendix-B"
    assert section_uri("OIDC Core §3.1.2.1") == ""


ALLOWED = frozenset({"https://spa.example"})


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "https://spa.example.evil.example",
        "https://SPA.example",
        "http://spa.example",
    ],
)
def test_other_origins_are_not_allowed(origin: str | None) -> None:
    """A198: null, foreign and similar origins get no Access-Control header, only Vary."""
    assert cors_headers(origin, ALLOWED) == {"Vary": "Origin"}
    assert cors_headers(origin, ALLOWED, preflight=True) == {"Vary": "Origin"}


def test_allowed_origins_are_allowed_without_credentials() -> None:
    """A198: an allowed origin may read the answer; credentials are never allowed, for no origin."""
    named, public = (
        cors_headers("https://spa.example", ALLOWED),
        cors_headers("https://any.example", ANY_ORIGIN),
    )
    preflight = cors_headers("https://spa.example", ALLOWED, preflight=True)
    assert named["Access-Control-Allow-Origin"] == "https://spa.example"
    assert public["Access-Control-Allow-Origin"] == "*"
    assert "DPoP" in preflight["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in named | public | preflight
    assert "Access-Control-Allow-Origin" not in cors_headers("null", ANY_ORIGIN)


LOGGING = """
import logging, structlog
from authrim.outside.log_lines import FLUSH_SECONDS, LineWriter
from authrim.outside.telemetry import configure
configure()
log = structlog.get_logger()
field = "a\\nb\\x1b[31m\\u202e\\ud800"
log.info("first", field=field, long="é" * 5000, inner={"k": ["x\\ry"]}, raw=b"canary")
try:
    raise ValueError("canary")
except ValueError:
    log.error("second", exc_info=True)
    logging.getLogger("asyncio").exception("third\\nline")
"""


def test_log_lines_are_scrubbed() -> None:
    """A226: a line is one JSON object, control and bidi characters are escaped, fields are at most 1 KiB."""
    done = subprocess.run([sys.executable, "-c", LOGGING], capture_output=True, check=True)
    first, second, third = (json.loads(line) for line in io.BytesIO(done.stderr))
    assert first["field"] == "a\\u000ab\\u001b[31m\\u202e\\ud800"
    assert len(first["long"].encode()) <= 1024
    assert first["inner"] == {"k": ["x\\u000dy"]}
    assert first["raw"] == "6 bytes"
    assert second["exception"] == "ValueError"
    assert (third["event"], third["library"], third["level"]) == ("third\\u000aline", "asyncio", "error")
    assert b"canary" not in done.stderr


async def test_log_lines_are_written_soon_and_in_order() -> None:
    """A line waits for company, a warning takes all before it along, and nothing waits longer than said."""
    stream = io.BytesIO()
    lines = LineWriter(stream)
    lines.info(b"first")
    assert stream.getvalue() == b""
    lines.warning(b"second")
    assert stream.getvalue() == b"first\nsecond\n"
    lines.info(b"third")
    await asyncio.sleep(3 * FLUSH_SECONDS)
    assert stream.getvalue() == b"first\nsecond\nthird\n"


def test_scrubbing_takes_linear_time() -> None:
    """A226: a megabyte of control characters is cut before it is looked at."""
    assert scrub_text("\x1b" * 1_000_000) == ("\\u001b" * 171)[:1024]
