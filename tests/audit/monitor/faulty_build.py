"""Builds of Authrim that each break one rule: ``python -m tests.audit.monitor.faulty_build FAULT …``.

One function is exchanged; the rest, the monitor too, is what everybody runs.
"""

import sys
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from authrim.commands.root import main
from authrim.core import execute
from domain.client import resource
from domain.decision import Decision
from domain.grant import code, refresh_token
from projections import inline

_redeem, _refresh, _token_row = code.decide_redeem, refresh_token.decide_refresh, inline._token_row
_state_rows = execute.state_rows


def _every_code_is_new(grant: Any, command: Any, facts: Any) -> Any:
    if grant.code is not None:
        grant = replace(grant, code=replace(grant.code, redeemed_at=None))
    return _redeem(grant, command, facts)


def _no_code_is_void(grant: Any, command: Any, facts: Any) -> Any:
    if grant.code is not None:
        grant = replace(grant, code=replace(grant.code, voided=None))
    return _redeem(grant, command, facts)


def _every_refresh_token_is_the_newest(grant: Any, command: Any, facts: Any, rule: Any) -> Any:
    if grant.refresh is not None:
        grant = replace(grant, refresh=replace(grant.refresh, generation=command.generation))
    return _refresh(grant, command, facts, rule)


def _no_grant_is_revoked(grant: Any, command: Any, facts: Any, rule: Any) -> Any:
    return _refresh(replace(grant, revoked_at=None), command, facts, rule)


def _refreshes_leave_no_trace(grant: Any, command: Any, facts: Any, rule: Any) -> Any:
    decision = _refresh(grant, command, facts, rule)
    return Decision(decision.events[1:], decision.answer)


def _any_scope(_grant: Any, requested: Any) -> Any:
    return requested


def _any_resource(*_arguments: Any) -> bool:
    return True


def _everything_lives(_liveness: Any) -> str:
    return ""


def _tokens_stay(stream: Any, event: Any) -> Any:
    row = _token_row(stream, event)
    return None if row is not None and row.operation == "revoke" else row


def _sessions_begin_only(stream: Any, state: Any, version: int) -> Any:
    return () if stream.kind == "session" and version > 1 else _state_rows(stream, state, version)


#: What is exchanged: the module, its function, and what takes its place.
FAULTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "codes are redeemed again": (code, "decide_redeem", _every_code_is_new),
    "void codes are redeemed": (code, "decide_redeem", _no_code_is_void),
    "refresh tokens fork": (refresh_token, "decide_refresh", _every_refresh_token_is_the_newest),
    "revocation is overlooked": (refresh_token, "decide_refresh", _no_grant_is_revoked),
    "tokens come from nowhere": (refresh_token, "decide_refresh", _refreshes_leave_no_trace),
    "scope widens": (refresh_token, "_narrowed", _any_scope),
    "audience widens": (resource, "_may_ask_for", _any_resource),
    "ends are overlooked": (refresh_token, "why_not", _everything_lives),
    "rows of revoked tokens stay": (inline, "_token_row", _tokens_stay),
    "rows of sessions stay": (execute, "state_rows", _sessions_begin_only),
}


if __name__ == "__main__":
    module, name, faulty = FAULTS[sys.argv.pop(1)]
    setattr(module, name, faulty)
    main()
