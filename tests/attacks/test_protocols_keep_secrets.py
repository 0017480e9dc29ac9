"""A227 for pushed, signed and front-channel requests, for proofs, certificates, registrations and logouts: what nobody
may find in the database or in a log line."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from authrim.store.contract import Store
from tests.attacks.test_secrets_stay_secret import canary, everything_stored, spellings
from tests.support.assertion import assertion_form, claims_for, secret_client, signed_with_secret
from tests.support.browser import Browser, authenticated_post, authorization_query, redeem
from tests.support.certificates import Authority as CertificateAuthority
from tests.support.dpop import dpop, proof_key, with_token
from tests.support.https_site import Authority, Site
from tests.support.logout import RETURN, log_out
from tests.support.logout_receiver import PATH, reaching, tokens_at, told_client, until
from tests.support.mtls import SECRET
from tests.support.pushed import fetch, push
from tests.support.registration import MINIMAL, as_known, call, initial_token, manage, register
from tests.support.request_object import encrypted_object, object_claims, send, signed_object, signing_client
from tests.support.running import RunningServer, running_server


@pytest_asyncio.fixture
async def server(store: Store, authority: Authority) -> AsyncIterator[RunningServer]:
    """A server with all that these flows need; its proxies are on loopback."""
    async with running_server(
        store,
        **reaching(authority),
        client_cert_proxies=("127.0.0.0/8", "::1/128"),
        client_cert_secret=SECRET,
    ) as running:
        yield running


def secret_parts(**tokens: str) -> dict[str, str]:
    """The tokens, and of those that name a grant the secret behind it."""
    return tokens | {f"{name}'s secret": value.rpartition(".")[2] for name, value in tokens.items()}


async def pushed_story(server: RunningServer, browser: Browser) -> dict[str, str]:
    """PAR, a request object inside, a DPoP proof, JARM, and a bound token at userinfo; then what is refused of it."""
    client = await signing_client(server, "pushes", dpop_bound_access_tokens=True)
    key, private = proof_key(), {name: canary(name) for name in ("state", "login_hint")}
    verifier, claims = object_claims(
        server, client, response_mode="query.jwt", scope="openid email", **private
    )
    object_ = signed_object(claims)
    proof = dpop(server, key, "/par")
    status, answer = await authenticated_post(server, client, "/par", {"request": object_}, {"DPoP": proof})
    assert status == 201, answer
    shown = await browser.through_pages(await fetch(browser, client, answer["request_uri"]))
    response = shown.parameters["response"]
    claimed = json.loads(base64.urlsafe_b64decode(response.split(".")[1] + "=="))
    redeeming = dpop(server, key)
    status, tokens = await redeem(server, client, claimed["code"], verifier, {"DPoP": redeeming})
    assert status == 200, tokens
    bound = with_token(server, key, tokens["access_token"])
    async with server.http.get(server.url("/userinfo"), headers=bound) as got:
        assert got.status == 200
    for headers in (bound, {"Authorization": f"Bearer {tokens['access_token']}"}):
        async with server.http.get(server.url("/userinfo"), headers=headers) as got:
            assert got.status == 401
    return {**private, "object": object_, "response": response, "bound proof": bound["DPoP"]} | secret_parts(
        proof=proof,
        redeeming=redeeming,
        request_uri=answer["request_uri"],
        code=claimed["code"],
        access_token=tokens["access_token"],
        id_token=tokens["id_token"],
    )


async def refused_story(server: RunningServer, browser: Browser) -> dict[str, str]:
    """Whatever is wrong with a pushed or signed request or with a proof, and every value that was refused."""
    client = await signing_client(server, "refused")
    shown = {
        name: canary(name) for name in ("state", "hint", "uri", "jti", "htu", "audience", "scope", "claim")
    }
    wrong_claims: tuple[dict[str, str], ...] = (
        {"aud": f"https://{shown['audience']}.example"},
        {"redirect_uri": f"https://evil.example/{shown['uri']}"},
        {"scope": f"openid {shown['scope']}"},
        {"sub": shown["claim"]},
    )
    for changes in wrong_claims:
        _, claims = object_claims(server, client, state=shown["state"], login_hint=shown["hint"], **changes)
        for token in (signed_object(claims), await encrypted_object(server, signed_object(claims))):
            await send(browser, client, token)
            await authenticated_post(server, client, "/par", {"request": token})
            await send(browser, client, token[:-8] + "AAAAAAAA", state=shown["state"])
    for changes in ({"htu": f"https://{shown['htu']}.example/token"}, {"jti": shown["jti"], "htm": "GET"}):
        proof = dpop(server, proof_key(), **changes)
        await authenticated_post(server, client, "/token", {"grant_type": "x"}, {"DPoP": proof})
    await push(server, client, request_uri=f"https://rp.example/{shown['uri']}", state=shown["state"])
    prefix = "urn:ietf:params:oauth:request_uri:"
    await fetch(browser, client, prefix + shown["uri"])
    await fetch(browser, client, f"{prefix}pr.{'0' * 32}.{'x' * 42}A")
    return shown


async def front_channel_story(server: RunningServer, browser: Browser) -> dict[str, str]:
    """All that the authorization endpoint gives out by itself."""
    client = await server.client(
        "hybrid", kind="web", response_types=("code id_token token",),
        grant_types=("authorization_code", "implicit", "refresh_token"),
    )  # fmt: skip
    state = canary("state")
    _, query = authorization_query(client, response_type="code id_token token", nonce="a-nonce", state=state)
    shown = await browser.through_pages(
        await browser.request("GET", server.url("/authorize?") + urlencode(query))
    )
    given = {name: shown.parameters[name] for name in ("code", "access_token", "id_token")}
    return {"state": state} | secret_parts(**given)


async def registration_story(server: RunningServer, browser: Browser) -> dict[str, str]:
    """A client registers, changes, and is refused both; and authenticates with the secret it was given."""
    contact, chosen, statement = f"{canary('contact')}@rp.example", canary("chosen"), canary("statement")
    token = await initial_token(server)
    document = MINIMAL | {"contacts": [contact], "client_name": "Registered"}
    answer = await register(server, document, token)
    assert answer.status == 201, answer.body
    client = answer.body
    assert (await manage(server, client)).body["contacts"] == [contact]
    changed = document | {"client_id": client["client_id"], "client_name": "Another name"}
    await manage(server, client, "PUT", changed | {"client_secret": chosen})
    updated = (await manage(server, client, "PUT", changed)).body
    await register(server, document | {"software_statement": statement}, await initial_token(server))
    await register(server, document | {"contacts": [f"{contact} {contact}"]}, await initial_token(server))
    await register(server, document, token)
    await call(server, "GET", server.url("/register/nobody"), updated["registration_access_token"])
    await browser.code_flow(as_known(client))
    return {"contact": contact, "chosen": chosen, "statement": statement} | secret_parts(
        initial_token=token,
        first_registration_token=client["registration_access_token"],
        registration_token=updated["registration_access_token"],
        client_secret=client["client_secret"],
    )


async def secret_jwt_story(server: RunningServer) -> dict[str, str]:
    """A client that signs with its secret, which the server keeps sealed."""
    client = await secret_client(server)
    good = signed_with_secret(client, claims_for(server, client))
    assert (await server.post("/token", assertion_form(good)))[0] == 200
    wrong = signed_with_secret(
        client, claims_for(server, client, jti=canary("jti"), aud="https://other.example")
    )
    assert (await server.post("/token", assertion_form(wrong)))[0] == 401
    return {"hmac secret": client.secret or ""} | secret_parts(good=good, wrong=wrong)


async def certificate_story(server: RunningServer) -> dict[str, str]:
    """A certificate of a client that has none registered, and one that is not its own: whose names they bear."""
    names = {"bound": canary("bound"), "refused": canary("refused")}
    web = await server.client("service")
    other = await server.client(
        "certified", kind="service", token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_san_dns="certified.example",
    )  # fmt: skip
    form = {"grant_type": "client_credentials"}
    for client, name in ((web, "bound"), (other, "refused")):
        der = CertificateAuthority("Nobody's").issue(names[name]).der
        headers = {"Client-Cert": f":{base64.b64encode(der).decode()}:", "Client-Cert-Secret": SECRET}
        if client is web:
            assert (await server.post("/token", form, headers | web.basic))[0] == 200
        else:
            assert (await server.post("/token", form | {"client_id": other.client_id}, headers))[0] == 401
    return names | {"proxy secret": SECRET}


async def logout_story(server: RunningServer, browser: Browser, site: Site) -> dict[str, str]:
    """Logouts that are carried out, told and refused."""
    web = await told_client(server, site, "told", kind="web", post_logout_redirect_uris=(RETURN,))
    state, wrong = canary("state"), canary("wrong")
    hint = (await browser.code_flow(web))["id_token"]
    for changes in ({"id_token_hint": wrong}, {"post_logout_redirect_uri": f"https://evil.example/{wrong}"}):
        await log_out(browser, state=state, **changes)
    await log_out(browser, id_token_hint=hint, post_logout_redirect_uri=RETURN, state=state)
    await until(lambda: tokens_at(site))
    return {"state": state, "wrong": wrong} | secret_parts(hint=hint, logout_token=tokens_at(site)[0])


def found_in(known: Mapping[str, str], places: Mapping[str, bytes]) -> set[tuple[str, str]]:
    """Which of the known values stand where, in whatever spelling."""
    return {
        (name, where)
        for name, value in known.items()
        for where, text in places.items()
        if any(spelling in text for spelling in spellings(value))
    }


async def test_no_secret_of_any_protocol_is_written_down(
    server: RunningServer,
    browser: Browser,
    site: Site,
    store_place: Path | str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A073, A227: no token, proof, assertion, response, registration token, contact, secret or name in a certificate is
    in the database or on the output, accepted or refused; and the scan finds what is known to be there."""
    site.serve(PATH, b"")
    stories: dict[str, dict[str, str]] = {
        "pushed": await pushed_story(server, browser),
        "refused": await refused_story(server, browser),
        "front channel": await front_channel_story(server, browser),
        "registration": await registration_story(server, browser),
        "secret jwt": await secret_jwt_story(server),
        "certificate": await certificate_story(server),
        "logout": await logout_story(server, browser, site),
    }
    known = {f"{story} {name}": value for story, values in stories.items() for name, value in values.items()}
    assert all(len(value) >= 16 for value in known.values()), known
    places = {
        "database": everything_stored(store_place),
        "output": "".join(capfd.readouterr()).encode(),
        "cookies": repr(browser.cookies).encode(),
    }
    assert b"Another name" in places["database"]
    assert b"route=par" in places["output"] or b'"route":"par"' in places["output"]
    assert not found_in(known, places)
