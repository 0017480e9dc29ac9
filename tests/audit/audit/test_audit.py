"""The auditor's first view, over a real server: the life of a grant, and why a request was refused."""

import pytest

from authrim.audit.timeline import grant_timeline, why
from authrim.pages.headers import ERROR_ID_HEADER
from authrim.store.chain import verify as verify_chain
from authrim.store.read_back import ReadBack
from tests.store.log_samples import CANARY, write_history, write_poison
from tests.support.browser import Browser, redeem
from tests.support.running import RunningServer


async def test_timeline_tells_the_whole_story(
    server: RunningServer, browser: Browser, store: ReadBack
) -> None:
    """From the request over sign-in and consent to the tokens: in order, in words, with who it was, and no secret."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web, scope="openid offline_access", prompt="consent")
    shown = await browser.through_pages(shown)
    code = shown.parameters["code"]
    status, tokens = await redeem(server, web, code, verifier)
    assert status == 200
    timeline = await grant_timeline(store, "default", code.split(".")[1])
    assert [line.type.split(".")[1] for line in timeline.lines] == [
        "authorization_requested", "subject_authenticated", "consent_granted", "code_issued", "code_redeemed",
        "access_token_issued", "id_token_issued", "refresh_token_issued",
    ]  # fmt: skip
    assert timeline.status == "not revoked; its tokens are good until they expire"
    assert timeline.readable
    assert f"client {web.client_id}" in timeline.lines[-1].by
    assert server.subject in timeline.lines[1].what
    positions = [line.position for line in timeline.lines]
    assert positions == sorted(positions)
    text = f"{timeline.as_json()}"
    for secret in (code, verifier, tokens["access_token"], tokens["refresh_token"], web.secret, server.login):
        assert str(secret) not in text


async def test_no_such_grant(store: ReadBack) -> None:
    """A grant that never was has no lines, and is not said to be fine."""
    timeline = await grant_timeline(store, "default", "nothing")
    assert (timeline.lines, timeline.status) == ((), "never begun")


async def test_why_a_code_was_refused(server: RunningServer, browser: Browser, store: ReadBack) -> None:
    """A replayed code: its error id leads to the events that this very request caused in the grant."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web)
    code = (await browser.through_pages(shown)).parameters["code"]
    assert (await redeem(server, web, code, verifier))[0] == 200
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": web.redirect_uri}
    async with server.http.post(
        server.url("/token"), data=form | {"code_verifier": verifier}, headers=web.basic
    ) as answer:
        assert (await answer.json())["error"] == "invalid_grant"
        error_id = answer.headers[ERROR_ID_HEADER]
    explanation = await why(store, error_id)
    assert explanation is not None
    assert [line.type for line in explanation.lines] == ["grant.code_replayed.v1", "grant.revoked.v1"]
    assert explanation.where == f"grant {code.split('.')[1]}"
    assert (explanation.refusal.error, explanation.refusal.section) == ("invalid_grant", "RFC 6749 §4.1.2")
    assert "exchanged before" in explanation.in_words
    assert explanation.as_json()["client_id"] == web.client_id


async def test_why_a_client_was_refused(server: RunningServer, store: ReadBack) -> None:
    """A wrong secret belongs to no grant: its error id leads to the refusal, with what to do and the trace id."""
    web = await server.client("web")
    trace = "0af7651916cd43dd8448eb211c80319c"
    form = {"grant_type": "client_credentials", "client_id": web.client_id, "client_secret": "guessed"}
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    async with server.http.post(server.url("/token"), data=form, headers=headers) as answer:
        assert answer.status == 401
        error_id = answer.headers[ERROR_ID_HEADER]
    explanation = await why(store, error_id)
    assert explanation is not None
    assert (explanation.where, explanation.refusal.error) == ("token", "invalid_client")
    assert explanation.refusal.reason == "method_not_registered"
    assert explanation.in_words != explanation.refusal.reason
    told = explanation.as_json()
    assert (told["trace"], told["section"]) == (trace, "RFC 6749 §5.2")
    assert "guessed" not in f"{told}"


async def test_why_a_sign_in_failed(server: RunningServer, browser: Browser, store: ReadBack) -> None:
    """The page says only that login or password is wrong; the auditor learns which (A182)."""
    web = await server.client("web")
    shown, _ = await browser.authorize(web)
    await browser.sign_in(shown, password="wrong")
    rows = await store.read_log(0, 1000)
    failed = next(event for event in rows if event.type == "grant.sign_in_failed.v1")
    timeline = await grant_timeline(store, "default", failed.stream.rsplit(":", 1)[1])
    assert timeline.lines[-1].fields["reason"] == "password_wrong"
    assert timeline.status == "waits for the person"


async def test_unknown_error_id(store: ReadBack) -> None:
    """An error id that nobody was given explains nothing, instead of something wrong."""
    await write_history(store)
    assert await why(store, "never-given") is None


@pytest.mark.parametrize(
    ("error_id", "error", "where"),
    [("error-alone", "invalid_client", "token"), ("error-in-grant", "invalid_grant", "grant grant-2")],
)
async def test_why_needs_no_running_follower(store: ReadBack, error_id: str, error: str, where: str) -> None:
    """F17: a question catches the follower up first, so that what was just refused is explained."""
    await write_history(store)
    explanation = await why(store, error_id)
    assert explanation is not None
    assert (explanation.refusal.error, explanation.where) == (error, where)


async def test_unreadable_event_is_shown_as_such(store: ReadBack) -> None:
    """F19: an event that cannot be read has its place in the timeline, and the rest is still told; nothing leaks."""
    await write_poison(store)
    timeline = await grant_timeline(store, "default", "poisoned")
    assert [line.readable for line in timeline.lines] == [False, False, True]
    assert not timeline.readable
    assert timeline.status == "cannot be read in full"
    assert CANARY not in f"{timeline.as_json()}"
    assert (await verify_chain(store)).problem is None
