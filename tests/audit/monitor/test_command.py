"""``authrim audit monitor`` as it is used, on each store."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authrim.commands.root import main
from authrim.store.read_back import ReadBack
from projections.monitor.rules import RULES
from tests.audit.monitor.test_following import write_breaches
from tests.store.log_samples import write_poison

pytestmark = pytest.mark.usefixtures("settings")

PAGE = Path(__file__).parents[3] / "docs" / "audit" / "monitor.md"


async def run(*arguments: str, status: int = 0) -> Result:
    words = ["audit", "monitor", *arguments]
    result = await asyncio.to_thread(CliRunner().invoke, main, words)
    assert result.exit_code == status, (result.output, result.exception)
    return result


async def told(*arguments: str, status: int = 0) -> dict[str, Any]:
    (line,) = (await run(*arguments, "--json", status=status)).stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


async def test_nothing_is_proved_of_an_empty_log(store: ReadBack) -> None:
    """A log that nobody has proved is no proof, and the command says what to do."""
    assert "Nothing is proved yet" in (await run(status=1)).stdout
    assert not (await told("--catch-up", status=1))["ok"]


async def test_how_far_it_is(store: ReadBack) -> None:
    """Events that are not proved yet are counted, with how long the oldest has waited; --catch-up proves them."""
    await write_poison(store, "default:key:of-no-rule")
    behind = await told(status=1)
    assert (behind["position"], behind["head"], behind["behind_events"]) == (0, 3, 3)
    assert behind["behind_seconds"] > 0
    assert "3 events wait" in (await run(status=1)).stdout
    caught_up = await told("--catch-up")
    assert (caught_up["ok"], caught_up["position"], caught_up["behind_seconds"]) == (True, 3, 0)
    assert "Proved up to position 3 of 3." in (await run()).stdout


async def test_a_breach_until_it_is_acknowledged(store: ReadBack) -> None:
    """A281: a breach is shown with its rule in words, its stream and its positions, and the status is 1 until somebody
    acknowledges it with a reason, which is in the log with who did; then --all alone shows it."""
    await write_breaches(store, 1)
    found = await told("--catch-up", status=1)
    assert found["open"] == len(found["breaches"]) >= 1
    by_rule = {one["rule"]: one for one in found["breaches"]}
    breach = by_rule["live_grant"]
    assert breach["meaning"] == RULES["live_grant"]
    assert (breach["stream"], breach["positions"]) == ("default:grant:wrong-0000", [1])
    text = (await run(status=1)).stdout
    assert all(word in text for word in (breach["id"], "default:grant:wrong-0000", "acknowledge"))
    for one in found["breaches"]:
        last = await run(
            "--acknowledge",
            one["id"],
            "--reason",
            "ticket 4711",
            status=int(one is not found["breaches"][-1]),
        )
    assert "No breach is open." in last.stdout
    again = await told("--from-start")
    assert (again["ok"], again["open"], again["breaches"]) == (True, 0, [])
    assert {one["id"] for one in (await told("--all"))["breaches"]} == {
        one["id"] for one in found["breaches"]
    }
    assert "Acknowledged" in (await run("--all")).stdout
    await run("--acknowledge", breach["id"], "--reason", "once more")
    events = [
        json.loads(one.payload) for one in await store.read_whole_stream(f"default:audit:{breach['id']}")
    ]
    assert [one["type"] for one in events] == ["audit.rule_broken.v1", "audit.rule_break_acknowledged.v1"]
    assert events[1]["reason"] == "ticket 4711"
    assert events[1]["operator"].startswith("uid ")


@pytest.mark.parametrize(
    ("options", "words", "status"),
    [
        (("--acknowledge", "x"), "belong together", 2),
        (("--reason", "x"), "belong together", 2),
        (("--acknowledge", "x", "--reason", " "), "Say it with --reason", 1),
        (("--acknowledge", "x", "--reason", "line\nbreak"), "cannot be recorded", 1),
        (("--acknowledge", "x", "--reason", "ticket"), "no such breach", 1),
    ],
)
async def test_refusals(store: ReadBack, options: tuple[str, ...], words: str, status: int) -> None:
    """What cannot be acknowledged is refused with the reason, and nothing is recorded."""
    assert words in (await run(*options, status=status)).stderr
    assert (await store.head()).position == 0


def test_the_page_has_every_rule() -> None:
    """The documentation has each rule with its own words."""
    page = PAGE.read_text()
    for rule, words in RULES.items():
        assert f"| `{rule}` | {words} |" in page
