"""A server that answers wrongly is refused."""

from pathlib import Path
from typing import Any

import pytest

from bench.answers import WrongAnswerError, check_run
from bench.measure import Measurement
from tests.bench.peer import Peer

CELLS = ("cc_jwt", "cc_opaque", "introspect", "introspect_jwt", "refresh", "code_flow", "discovery", "jwks")


def answers(peer: Peer, cell: str) -> list[dict[str, Any]]:
    """Two answers of a run."""
    match cell:
        case "cc_jwt" | "cc_opaque":
            return [peer.issue(cell[3:]), peer.issue(cell[3:])]
        case "introspect" | "introspect_jwt":
            return [{"active": True}, {"active": peer.fault != "not active"}]
        case "refresh" | "code_flow":
            return [peer.grant(), peer.grant()]
        case "discovery":
            return [peer.metadata()]
        case _:
            return [peer.keys()]


def check(folder: Path, cell: str, fault: str = "", *, errors: int = 0, wrong: int = 0) -> None:
    with Peer(folder, fault).listening() as peer:
        found = answers(peer, cell)
        if fault == "one token twice":
            found = [found[0], found[0]]
        peer.keep(*([] if fault == "silent" else found))
        check_run(peer, cell, Measurement(1000, 1, 2, errors, 1, 1, wrong, 3000))


@pytest.mark.parametrize("cell", CELLS)
def test_a_server_that_does_the_work_is_taken(tmp_path: Path, cell: str) -> None:
    """Right answers pass in every cell."""
    check(tmp_path, cell)


@pytest.mark.parametrize(
    ("cell", "fault", "told"),
    [
        ("cc_jwt", "another key", "BadSignatureError"),
        ("cc_jwt", "another issuer", "another issuer"),
        ("cc_jwt", "expired", "expired"),
        ("cc_jwt", "never active", "not active"),
        ("cc_jwt", "one token twice", "issued twice"),
        ("cc_opaque", "never active", "not active"),
        ("cc_opaque", "no lifetime", "without a lifetime"),
        ("cc_opaque", "one token twice", "issued twice"),
        ("cc_opaque", "silent", "no answer at all"),
        ("introspect", "not active", "not active"),
        ("introspect", "always active", "nobody issued"),
        ("refresh", "does not rotate", "do not rotate"),
        ("refresh", "keeps used ones", "used refresh token lives"),
        ("refresh", "another audience", "another client"),
        ("code_flow", "another key", "BadSignatureError"),
        ("code_flow", "never active", "not active"),
        ("discovery", "another issuer", "another issuer"),
        ("jwks", "private key", "private key"),
    ],
)
def test_a_server_that_does_not_do_the_work_is_refused(
    tmp_path: Path, cell: str, fault: str, told: str
) -> None:
    """Tokens that are worth nothing, a refresh that does not rotate and an introspection that says yes to everything
    are no figures."""
    with pytest.raises(WrongAnswerError, match=told):
        check(tmp_path, cell, fault)


@pytest.mark.parametrize("counted", [{"errors": 1}, {"wrong": 1}])
def test_one_wrong_answer_refuses_a_run(tmp_path: Path, counted: dict[str, int]) -> None:
    """An error or a wrong answer among thousands refuses the run, and the refusal says what the answer was."""
    with pytest.raises(WrongAnswerError, match="503 busy"):
        check(tmp_path, "jwks", "busy", **counted)
