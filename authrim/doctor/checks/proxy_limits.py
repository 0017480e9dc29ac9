"""How long requests and answers may be on their way: proxies have limits of their own."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from authrim.core.seen_request import PADDING_HEADER, AskedOfServer
from authrim.doctor.asking import NotSeen, ask_server
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.doctor.outside_client import NoAnswer

_LINE: Final = 7_000
_LONG_LINE: Final = 16_000
_HEADER: Final = 7_000
_BODY: Final = 60_000
_ANSWER: Final = 3_000
_LONG_ANSWER: Final = 7_500

LINE: Final = Problem(
    "proxy_limits.line",
    "fault",
    f"A request with a query of {_LINE} bytes does not reach the server. Authorization requests have such.",
    "nginx: large_client_header_buffers 4 32k; HAProxy: tune.bufsize 32768; Apache: LimitRequestLine 20480.",
)
LONG_LINE: Final = Problem(
    "proxy_limits.long_line",
    "note",
    f"A request with a query of {_LONG_LINE} bytes does not reach the server, which takes it.",
    "If clients send signed requests by value (RFC 9101 §5.1): nginx: large_client_header_buffers 4 32k; "
    "HAProxy: tune.bufsize 32768; Apache: LimitRequestLine 20480.",
)
HEADER: Final = Problem(
    "proxy_limits.header",
    "fault",
    f"A request with a header of {_HEADER} bytes does not reach the server. Cookies may be that long together.",
    "nginx: large_client_header_buffers 4 16k; HAProxy: tune.bufsize 32768; Apache: LimitRequestFieldSize 16380.",
)
BODY: Final = Problem(
    "proxy_limits.body",
    "fault",
    f"A request with a body of {_BODY} bytes does not reach the server. Pushed requests may be that long.",
    "nginx: client_max_body_size 64k or more; Apache: LimitRequestBody 65536 or more.",
)
ANSWER: Final = Problem(
    "proxy_limits.answer",
    "fault",
    f"An answer with a header of {_ANSWER} bytes does not come back. Redirects and cookies may be that long.",
    "nginx: proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 32k; HAProxy: tune.bufsize 32768.",
)
LONG_ANSWER: Final = Problem(
    "proxy_limits.long_answer",
    "note",
    f"An answer with a header of {_LONG_ANSWER} bytes does not come back.",
    "If clients ask for signed responses (JARM), or with a long state: nginx: proxy_buffer_size 16k; proxy_buffers 8 "
    "16k; proxy_busy_buffers_size 32k; HAProxy: tune.bufsize 32768.",
)


class _Attempt(NamedTuple):
    """One request: what it is made of, and what it shows when it does not come through."""

    problem: Problem
    query: str = ""
    headers: Mapping[str, str] = {}
    asked: AskedOfServer = AskedOfServer()


def _attempts() -> tuple[tuple[_Attempt, ...], ...]:
    """In each group the first that fails counts: what is longer fails too."""
    return (
        (_Attempt(LINE, "padding=" + "x" * _LINE), _Attempt(LONG_LINE, "padding=" + "x" * _LONG_LINE)),
        (_Attempt(HEADER, headers={PADDING_HEADER: "x" * _HEADER}),),
        (_Attempt(BODY, asked=AskedOfServer(padding="x" * _BODY)),),
        (
            _Attempt(ANSWER, asked=AskedOfServer(answer_bytes=_ANSWER)),
            _Attempt(LONG_ANSWER, asked=AskedOfServer(answer_bytes=_LONG_ANSWER)),
        ),
    )


async def _examine(examined: Examined) -> Sequence[Finding]:
    found = []
    for group in _attempts():
        for attempt in group:
            if why := await _failure(examined, attempt):
                found.append(attempt.problem.found(why))
                break
    return found


async def _failure(examined: Examined, attempt: _Attempt) -> str:
    try:
        seen, answer = await ask_server(examined, attempt.headers, query=attempt.query, asked=attempt.asked)
    except (NoAnswer, NotSeen) as failed:
        return str(failed)
    arrived = (
        seen.query_bytes == len(attempt.query)
        and seen.body_bytes == len(attempt.asked.padding)
        and len(answer.headers.get(PADDING_HEADER, "")) == attempt.asked.answer_bytes
        and (PADDING_HEADER.lower() in seen.headers or not attempt.headers)
    )
    return "" if arrived else "it arrives changed"


CHECK: Final = Check(
    "proxy_limits",
    "Do requests and answers come through that are as long as they may be?",
    (LINE, LONG_LINE, HEADER, BODY, ANSWER, LONG_ANSWER),
    _examine,
    (Needs.STORE, Needs.ANSWERS, Needs.SEEN),
)
