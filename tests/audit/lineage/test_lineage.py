"""``authrim audit lineage`` as it is used, on each store: from anything that somebody holds to the whole story."""

import asyncio
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner, Result

from authrim.commands.root import main
from authrim.store.read_back import ReadBack
from domain.stream import DEFAULT_TENANT, grant_stream
from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.running import RunningServer

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
async def story(server: RunningServer, browser: Browser, server_settings: None) -> dict[str, Any]:
    """Somebody signs in at a client, which redeems the code and refreshes; then the code comes again."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web, scope="openid offline_access", prompt="consent")
    code = (await browser.through_pages(shown)).parameters["code"]
    _, tokens = await redeem(server, web, code, verifier)
    form = {"grant_type": "refresh_token", "refresh_token": str(tokens["refresh_token"])}
    _, refreshed = await authenticated_post(server, web, "/token", form)
    await redeem(server, web, code, verifier)
    return {
        "client": web.client_id, "grant": code.split(".")[1], "code": code, "tokens": tokens,
        "refreshed": refreshed,
    }  # fmt: skip


async def run(*arguments: str, sent: str = "", status: int = 0) -> Result:
    options = ["audit", "lineage", *arguments]
    result = await asyncio.to_thread(CliRunner().invoke, main, options, input=sent)
    assert result.exit_code == status, (result.output, result.exception)
    return result


async def told(*arguments: str, sent: str = "") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await run(*arguments, "--json", sent=sent)).stdout.splitlines()]


def steps(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Each event of the grant with the step of its cause."""
    by_position = {line["position"]: line["step"] for line in lines}
    return [(line["step"], by_position.get(line["caused_by"], "")) for line in lines]


async def test_everything_leads_to_the_same_story(
    server: RunningServer, store: ReadBack, story: dict[str, Any], tmp_path: Path
) -> None:
    """A270: access token, code, refresh token of any generation, jti, grant, session, client and account lead to one
    grant, and each event names its cause; no token is in the output or in the recorded question."""
    from_token = await told("token", sent=story["tokens"]["access_token"])
    assert {
        ("request", ""), ("sign-in", "request"), ("session", "sign-in"), ("consent", "sign-in"), ("code", "consent"),
        ("exchange", "code"), ("access token", "exchange"), ("ID token", "exchange"), ("refresh token", "exchange"),
        ("refresh token", "refresh token"), ("access token", "refresh token"), ("replay", "code"),
        ("revocation", "replay"), ("client", ""), ("account", ""),
    } <= set(steps(from_token))  # fmt: skip
    positions = [line["position"] for line in from_token]
    assert positions == sorted(positions)
    file = tmp_path / "token"
    file.write_text(story["refreshed"]["refresh_token"])
    jti = next(line["fields"]["token_id"] for line in from_token if line["step"] == "access token")
    session = next(line["fields"]["session_id"] for line in from_token if line["step"] == "sign-in")
    for arguments, sent in (
        (("code",), story["code"]),
        (("token",), story["tokens"]["refresh_token"]),
        (("token", "--file", str(file)), ""),
        (("jti", jti), ""),
        (("grant", story["grant"]), ""),
        (("session", session), ""),
        (("account", server.subject), ""),
        (("token",), story["tokens"]["id_token"]),
    ):
        assert await told(*arguments, sent=sent) == from_token, arguments
    of_client = await told("client", story["client"])
    assert [line for line in of_client if line["stream"].endswith(story["grant"])] == [
        line for line in from_token if line["stream"].endswith(story["grant"])
    ]
    asked = [
        e.payload.decode() for e in await store.read_log(0, 10_000) if e.type == "audit.question_asked.v1"
    ]
    everything = json.dumps([from_token, of_client]) + "".join(asked)
    assert len(asked) == 10
    assert all(f'"{server.subject}"' in one for one in asked)
    given = [
        of[name] for of in (story["tokens"], story["refreshed"]) for name in ("access_token", "refresh_token")
    ]
    for secret in (story["code"], story["tokens"]["id_token"], *given):
        assert secret not in everything


async def test_an_error_leads_to_its_grant(store: ReadBack, story: dict[str, Any]) -> None:
    """The error id of the replay leads to the grant; one of a refused request to what was recorded of it."""
    events = await store.read_whole_stream(grant_stream(DEFAULT_TENANT, story["grant"]))
    error_ids = {json.loads(event.metadata).get("error_id", "") for event in events} - {""}
    lines = await told("error", error_ids.pop())
    assert ("revocation", "replay") in steps(lines)


async def test_a_token_is_never_an_argument(story: dict[str, Any], store: ReadBack) -> None:
    """A270: a token in the arguments is refused without being repeated; one that was changed, or that nobody handed
    out, leads nowhere, and the question is recorded as a keyed hash."""
    refused = await run("token", story["code"], status=2)
    assert story["code"] not in refused.output
    assert "standard input" in refused.output
    await run("grant", status=2)
    forged = story["code"][:-1] + ("A" if story["code"][-1] != "A" else "E")
    for sent in (forged, "nonsense", story["tokens"]["id_token"][:-4] + "AAAA"):
        assert "Nothing in the log" in (await run("token", sent=sent, status=1)).stderr
    await run("account", "no-such-login", status=1)
    asked = [
        e.payload.decode() for e in await store.read_log(0, 10_000) if e.type == "audit.question_asked.v1"
    ]
    assert len(asked) == 3
    assert not any(forged in one or "nonsense" in one or story["grant"] in one for one in asked)


async def test_text_and_picture(story: dict[str, Any], tmp_path: Path) -> None:
    """A270: the text names each event's cause. The picture is SVG without a script, with a title, a description and a
    label for every event that says its position and cause; no two events are drawn at one place."""
    file = tmp_path / "story.svg"
    text = (await run("grant", story["grant"], "--svg", str(file))).stdout
    lines = await told("grant", story["grant"])
    replay = next(line for line in lines if line["step"] == "replay")
    assert f"The client presented the same code again. ← {replay['caused_by']}" in " ".join(text.split())
    picture = Xml.parse(file).getroot()
    assert picture.find(f"{SVG}title").text == f"Lineage of grant {story['grant']}"  # type: ignore[union-attr]
    assert "same code again" in str(picture.find(f"{SVG}desc").text)  # type: ignore[union-attr]
    labels = [group.get("aria-label", "") for group in picture.iter(f"{SVG}g") if group.get("role")]
    assert len(labels) == len(lines)
    assert any(
        f"position {replay['position']}," in label and f"Because of position {replay['caused_by']}" in label
        for label in labels
    )
    content = file.read_text()
    assert "<script" not in content
    assert "prefers-color-scheme: dark" in content
    assert "http" not in content.replace("http://www.w3.org/2000/svg", "")
    boxes = [
        tuple(int(group.find(f"{SVG}rect").get(name)) for name in ("x", "y", "width", "height"))  # type: ignore
        for group in picture.iter(f"{SVG}g")
        if group.get("role")
    ]
    assert len(set(boxes)) == len(boxes)
