"""Writes the conformance suite's configuration for OpenID Connect plans: what its browser does on our pages.

``python docs/certification/openid_connect.py --issuer URL --suite URL --alias NAME [--client FILE …] OUTPUT``

The suite drives its own browser by these tasks (its README, "browser control"): it types into the sign-in form, agrees
to the consent page, and takes error pages and second sign-ins as pictures for the reviewer. Clients are given as the
JSON that ``authrim --json client create`` printed, in the order client, client2, client_secret_post; without any, the
suite registers its own.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from browser import (
    ASKED_OR_REFUSED,
    NOT_SENT_BACK,
    authorization,
    callback_task,
    confirm_task,
    consent_task,
    error_page,
    logout,
    logout_page,
    sign_in_page,
    sign_in_task,
    watch_session,
)

CLIENT_NAMES = ("client", "client2", "client_secret_post")

#: Modules that show an error page at the authorization endpoint: its text, as the reviewer is to see it.
ERROR_PAGES = {
    "oidcc-ensure-request-object-with-redirect-uri": "cannot be answered",
    "oidcc-ensure-registered-redirect-uri": "cannot be answered",
    "oidcc-ensure-redirect-uri-in-authorization-request": "cannot be answered",
    "oidcc-redirect-uri-query-mismatch": "cannot be answered",
    "oidcc-redirect-uri-query-added": "cannot be answered",
}
#: Modules that sign in a second time: the picture is of the sign-in page.
SECOND_SIGN_INS = ("oidcc-prompt-login", "oidcc-max-age-1")
#: Modules whose sign-in page is looked at for what the client registered.
CLIENT_PAGES = ("oidcc-registration-logo-uri", "oidcc-registration-policy-uri", "oidcc-registration-tos-uri")
#: Modules of RP-initiated logout that end on a page of ours, and its text.
LOGOUT_PAGES = {
    "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri": NOT_SENT_BACK,
    "oidcc-rp-initiated-logout-modified-id-token-hint": ASKED_OR_REFUSED,
    "oidcc-rp-initiated-logout-bad-id-token-hint": ASKED_OR_REFUSED,
    "oidcc-rp-initiated-logout-no-id-token-hint": ASKED_OR_REFUSED,
    "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": NOT_SENT_BACK,
    "oidcc-rp-initiated-logout-no-params": "You are logged out",
    "oidcc-rp-initiated-logout-no-post-logout-redirect-uri": "You are logged out",
    "oidcc-rp-initiated-logout-only-state": "You are logged out",
}


def configuration(
    issuer: str, suite: str, alias: str | None, clients: list[dict[str, Any]]
) -> dict[str, Any]:
    """The whole configuration file."""
    usual = authorization(issuer, sign_in_task(issuer), consent_task(issuer), callback_task(suite))
    with_picture = authorization(
        issuer, sign_in_task(issuer, picture=True), consent_task(issuer), callback_task(suite)
    )
    back = {"task": "Back", "match": f"{suite}/test/*"}
    end = logout(issuer, confirm_task(issuer), back)
    overrides: dict[str, Any] = {}
    for module, text in ERROR_PAGES.items():
        overrides[module] = {"browser": [error_page(issuer, text)]}
    for module in SECOND_SIGN_INS:
        overrides[module] = {"browser": [with_picture]}
    for module in CLIENT_PAGES:
        overrides[module] = {"browser": [sign_in_page(issuer)]}
    for module, text in LOGOUT_PAGES.items():
        overrides[module] = {"browser": [usual, logout(issuer, *logout_page(issuer, text))]}
    document: dict[str, Any] = {
        "description": "Authrim",
        "server": {"discoveryUrl": f"{issuer}/.well-known/openid-configuration"},
        "browser": [usual, end, watch_session(suite)],
        "override": overrides,
        # What the pages look like is nothing to the modules, and costs a fifth of their time.
        "options": {"browsercontrol_css_enable": False},
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
