"""Writes the conformance suite's configuration for OpenID Connect plans: what its browser does on our pages.

``python docs/certification/make_configuration.py --issuer URL --suite URL --alias NAME [--client FILE …] OUTPUT``

The suite drives its own browser by these tasks (its README, "browser control"): it types into the sign-in form, agrees
to the consent page, and takes error pages and second sign-ins as pictures for the reviewer. Clients are given as the
JSON that ``authrim --json client create`` printed, in the order client, client2, client_secret_post; without any, the
suite registers its own.
"""

import argparse
import json
from pathlib import Path
from typing import Any

LOGIN, PASSWORD = "alice", "correct horse battery staple"
CLIENT_NAMES = ("client", "client2", "client_secret_post")

#: Modules that show an error page at the authorization endpoint: its text, as the reviewer is to see it.
ERROR_PAGES = {
    "oidcc-ensure-request-object-with-redirect-uri": "invalid redirect_uri",
    "oidcc-ensure-registered-redirect-uri": "invalid redirect_uri",
    "oidcc-ensure-redirect-uri-in-authorization-request": "invalid redirect_uri",
    "oidcc-redirect-uri-query-mismatch": "invalid redirect_uri",
    "oidcc-redirect-uri-query-added": "invalid redirect_uri",
}
#: Modules that sign in a second time: the picture is of the sign-in page.
SECOND_SIGN_INS = ("oidcc-prompt-login", "oidcc-max-age-1")
#: Modules whose sign-in page is looked at for what the client registered.
CLIENT_PAGES = ("oidcc-registration-logo-uri", "oidcc-registration-policy-uri", "oidcc-registration-tos-uri")
#: Modules of RP-initiated logout that end on a page of ours, and its text.
LOGOUT_PAGES = {
    "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri": "Sign out|cannot be answered",
    "oidcc-rp-initiated-logout-modified-id-token-hint": "Sign out|cannot be answered",
    "oidcc-rp-initiated-logout-bad-id-token-hint": "Sign out|cannot be answered",
    "oidcc-rp-initiated-logout-no-id-token-hint": "Sign out|cannot be answered",
    "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": "Sign out|cannot be answered",
    "oidcc-rp-initiated-logout-no-params": "signed out",
    "oidcc-rp-initiated-logout-no-post-logout-redirect-uri": "signed out",
    "oidcc-rp-initiated-logout-only-state": "signed out",
}

Task = dict[str, Any]


def sign_in_task(issuer: str, picture: bool = False) -> Task:
    """Fill in the sign-in form, when it is there; ``picture``: show the page to the reviewer first."""
    shown = [["wait", "xpath", "//*", 10, "Sign in", "update-image-placeholder-optional"]] if picture else []
    return {
        "task": "Sign in",
        "optional": True,
        "match": f"{issuer}/login*",
        "commands": [
            *shown,
            ["text", "id", "login", LOGIN, "optional"],
            ["text", "id", "password", PASSWORD, "optional"],
            ["click", "id", "login-submit"],
        ],
    }


def consent_task(issuer: str) -> Task:
    """Agree, when the consent page is there."""
    return {
        "task": "Agree",
        "optional": True,
        "match": f"{issuer}/consent*",
        "commands": [["click", "id", "consent-submit"]],
    }


def callback_task() -> Task:
    """Arrive back at the suite."""
    return {
        "task": "Arrive",
        "match": "*/test/*/callback*",
        "commands": [["wait", "id", "submission_complete", 10]],
    }


def authorization(issuer: str, *tasks: Task) -> dict[str, Any]:
    """What the browser does after it was sent to the authorization endpoint."""
    return {"match": f"{issuer}/authorize*", "tasks": list(tasks)}


def error_page(issuer: str, text: str) -> dict[str, Any]:
    """The error page at the authorization endpoint, shown to the reviewer."""
    commands = [["wait", "xpath", "//*", 10, text, "update-image-placeholder"]]
    return authorization(
        issuer, {"task": "Error page", "match": f"{issuer}/authorize*", "commands": commands}
    )


def logout(issuer: str, *tasks: Task) -> dict[str, Any]:
    """What the browser does after it was sent to the end session endpoint."""
    return {"match": f"{issuer}/logout*", "tasks": list(tasks)}


def confirm_task(issuer: str) -> Task:
    """Say yes, when the logout page asks."""
    return {
        "task": "Confirm",
        "optional": True,
        "match": f"{issuer}/logout*",
        "commands": [["click", "id", "logout-yes", "optional"]],
    }


def logout_page(issuer: str, text: str) -> list[Task]:
    """A page of ours at the end of a logout, shown to the reviewer; the one that asks is answered first."""
    picture = ["wait", "xpath", "//*", 10, text, "update-image-placeholder"]
    confirm = [] if "Sign out" in text else [["click", "id", "logout-yes", "optional"]]
    return [{"task": "Logout page", "match": f"{issuer}/logout*", "commands": [*confirm, picture]}]


def configuration(
    issuer: str, suite: str, alias: str | None, clients: list[dict[str, Any]]
) -> dict[str, Any]:
    """The whole configuration file."""
    usual = authorization(issuer, sign_in_task(issuer), consent_task(issuer), callback_task())
    with_picture = authorization(
        issuer, sign_in_task(issuer, picture=True), consent_task(issuer), callback_task()
    )
    back = {"task": "Back", "match": f"{suite}/test/*"}
    end = logout(issuer, confirm_task(issuer), back)
    overrides: dict[str, Any] = {}
    for module, text in ERROR_PAGES.items():
        overrides[module] = {"browser": [error_page(issuer, text)]}
    for module in (*SECOND_SIGN_INS, *CLIENT_PAGES):
        overrides[module] = {"browser": [with_picture]}
    for module, text in LOGOUT_PAGES.items():
        overrides[module] = {"browser": [usual, logout(issuer, *logout_page(issuer, text))]}
    document: dict[str, Any] = {
        "description": "Authrim",
        "server": {"discoveryUrl": f"{issuer}/.well-known/openid-configuration"},
        "browser": [usual, end],
        "override": overrides,
    }
    if alias:
        document["alias"] = alias
    if clients:
        document |= dict(zip(CLIENT_NAMES, clients, strict=False))
    else:
        document |= {"client": {"client_name": "one"}, "client2": {"client_name": "two"}}
    return document


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--suite", required=True)
    parser.add_argument("--alias")
    parser.add_argument("--client", action="append", type=Path, default=[])
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    clients = [json.loads(file.read_text()) for file in given.client]
    members = [{name: one[name] for name in ("client_id", "client_secret")} for one in clients]
    document = configuration(given.issuer, given.suite.rstrip("/"), given.alias, members)
    given.output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
