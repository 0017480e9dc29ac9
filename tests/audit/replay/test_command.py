"""``authrim replay`` as it is used, on each store."""

import asyncio
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authrim.commands.root import main
from tests.audit.replay.flows import Story, log_of
from tests.support.running import RunningServer


@pytest.fixture
async def story(server: RunningServer, server_settings: None) -> Story:
    """A client that refreshes once, one that does not, and a service."""
    story = Story(server, 5)
    for scope in ("profile offline_access", "openid"):
        await story.authorize(scope=scope)
        client, code, verifier = story.codes[-1]
        await story.redeem_once(client, code, verifier)
    await story.refresh()
    await story.client_credentials()
    return story


async def run(*arguments: str, status: int = 0) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, main, ["replay", *arguments])
    assert result.exit_code == status, (result.output, result.exception)
    return result


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


async def test_check_of_the_configured_log(server: RunningServer, story: Story) -> None:
    """A285: the whole log is decided again from the database, and from a file that was saved of it; what is not
    recorded is counted by its kind."""
    (told,) = lines(await run("--check", "--json"))
    assert (told["ok"], told["differing"], told["unreadable"]) == (True, 0, [])
    assert told["position"] == len(await log_of(server))
    assert told["decided"]["redemption"] == 2
    assert told["not_recorded"]["client.registered.v1"] >= 1
    assert "decides everything as it is recorded" in (await run("--check")).output


async def test_a_saved_log(server: RunningServer, story: Story, tmp_path: Path) -> None:
    """A285: a saved log is decided again without the database; changed afterwards, the decision is named."""
    saved = tmp_path / "log"
    await run("--save", str(saved))
    assert "exists" in (await run("--save", str(saved), status=1)).output
    (told,) = lines(await run("--from", str(saved), "--issuer", server.issuer, "--check", "--json"))
    assert told["ok"]
    text = saved.read_text().splitlines()
    (number,) = [at for at, line in enumerate(text) if "grant.refresh_token_rotated.v1" in line]
    event = json.loads(text[number])
    event["payload"]["grace_until"] += 1
    saved.write_text(
        "\n".join([*text[:number], json.dumps(event, separators=(",", ":")), *text[number + 1 :]]) + "\n"
    )
    *found, told = lines(
        await run("--from", str(saved), "--issuer", server.issuer, "--check", "--json", status=1)
    )
    assert [(one["position"], one["decision"]) for one in found] == [(event["position"], "refresh")]
    (what,) = found[0]["what"]
    assert what.startswith("grant.refresh_token_rotated.v1 grace_until: ")
    assert (told["ok"], told["differing"]) == (False, 1)
    assert what in (await run("--from", str(saved), "--issuer", server.issuer, "--check", status=1)).output


async def test_a_bundle(server: RunningServer, story: Story, tmp_path: Path) -> None:
    """A285: a bundle of the whole log is decided again; one of a part is refused, since what was decided on is not all
    there, and so is an archive that is no bundle."""
    for name, part in (("whole", ()), ("part", ("--from", "5"))):
        exported = await asyncio.to_thread(
            CliRunner().invoke, main, ["audit", "export", *part, "--out", str(tmp_path / name)]
        )
        assert exported.exit_code == 0, exported.output
    (told,) = lines(
        await run("--from", str(tmp_path / "whole"), "--issuer", server.issuer, "--check", "--json")
    )
    assert told["ok"]
    assert told["decided"]["redemption"] == 2
    assert (
        "position 1 is missing" in (await run("--from", str(tmp_path / "part"), "--check", status=1)).output
    )
    with tarfile.open(tmp_path / "other", "w") as other:
        other.add(__file__, "events.txt")
    assert "is no bundle" in (await run("--from", str(tmp_path / "other"), "--check", status=1)).output


async def test_another_issuer_is_another_log(server: RunningServer, story: Story) -> None:
    """A285: told another issuer, the audiences that named the right one differ; so the comparison is no empty one."""
    *found, told = lines(await run("--check", "--issuer", "https://other.example", "--json", status=1))
    assert told["differing"] == len(found) > 0
    assert all("audience" in one["what"][0] for one in found), found


async def test_a_shorter_policy(story: Story, tmp_path: Path) -> None:
    """Under another policy each token that would have been another one is named, and nothing else; that is an answer
    and no failure."""
    policy = tmp_path / "policy.toml"
    policy.write_text("access_token_lifetime = 60\n")
    *found, told = lines(await run("--policy", str(policy), "--json"))
    assert told["effect"] == {"grants": 3, "access_tokens_missing": 0, "access_tokens_otherwise": 4}
    assert all(one["what"][0].startswith("grant.access_token_issued.v1 expires_at: ") for one in found)
    assert "3 grants would have differed" in (await run("--policy", str(policy))).output


async def test_a_policy_without_a_grant_type(server: RunningServer, story: Story, tmp_path: Path) -> None:
    """A client that might not have refreshed: no refresh token is issued, and what came of it is not there."""
    refreshing = story.refresh_tokens[0][0].client_id
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[clients."{refreshing}"]\ngrant_types = ["authorization_code"]\n')
    *found, told = lines(await run("--policy", str(policy), "--json"))
    assert "grant.refresh_token_issued.v1 is missing" in found[0]["what"]
    assert found[1]["what"] == ["the grant has no refresh token"]
    assert told["effect"] == {"grants": 1, "access_tokens_missing": 1, "access_tokens_otherwise": 0}


async def test_a_policy_without_a_scope(server: RunningServer, story: Story, tmp_path: Path) -> None:
    """A client that might not have had the scope: its request would have been refused, and there would be no grant."""
    client = story.codes[0][0].client_id
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[clients."{client}"]\nscope = ["email"]\n')
    *found, told = lines(await run("--policy", str(policy), "--json"))
    assert found[0]["what"] == ["nothing is recorded: refused with client_not_allowed"]
    assert told["effect"]["access_tokens_missing"] >= 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("code_lifetime = -1", "is no number"),
        ("issuer = 'https://x'", "has no part in a decision"),
        ("features_off = ['nothing-like-it']", "features_off names nothing-like-it"),
        ("[clients.web]\nscoop = ['a']", "scoop is no member"),
        ("[clients.web]\nscope = 3", "the client web"),
        ("= 3", "policy.toml"),
    ],
)
async def test_policies_that_are_none(story: Story, tmp_path: Path, text: str, told: str) -> None:
    """Each refusal says what is wrong in the file."""
    policy = tmp_path / "policy.toml"
    policy.write_text(text)
    assert told in (await run("--policy", str(policy), status=1)).output


async def test_one_question_at_a_time(server_settings: None, tmp_path: Path) -> None:
    """A command line that asks two things is refused; so are an empty log and a file that is none."""
    assert "Choose one of" in (await run("--check", "--save", "x", status=2)).output
    broken = tmp_path / "log"
    broken.write_text("{}\n")
    assert "line 1 is not an event" in (await run("--from", str(broken), "--check", status=1)).output
    broken.write_text("")
    assert "nothing to decide" in (await run("--from", str(broken), "--check", status=1)).output
