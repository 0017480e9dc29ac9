"""What the conformance suite's browser does on our pages, in the terms of its "browser control"."""

from typing import Any

LOGIN, PASSWORD = "alice", "correct horse battery staple"

#: What stands on the page that asks before it logs anybody out, or on the one that refuses.
ASKED_OR_REFUSED = "want to log out|cannot be answered"
#: What stands on the page at the end of a logout that may not lead back to the application.
NOT_SENT_BACK = "request is not valid"

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


def callback_task(suite: str) -> Task:
    """Arrive back at the suite; its whole address, because ours have the redirect URI in their query."""
    return {
        "task": "Arrive",
        "match": f"{suite}/test/*/callback*",
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


def sign_in_page(issuer: str) -> dict[str, Any]:
    """The sign-in page, shown to the reviewer; the module ends there, so nobody signs in."""
    commands = [["wait", "xpath", "//*", 10, "Sign in", "update-image-placeholder"]]
    return authorization(issuer, {"task": "Sign-in page", "match": f"{issuer}/login*", "commands": commands})


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
    confirm = [] if text == ASKED_OR_REFUSED else [["click", "id", "logout-yes", "optional"]]
    return [{"task": "Logout page", "match": f"{issuer}/logout*", "commands": [*confirm, picture]}]


def watch_session(suite: str) -> dict[str, Any]:
    """The suite's own pages that show our frame of session management, and go on when it has answered."""
    commands = [["wait", "contains", "session_result", 10]]
    task = {"task": "Watch", "match": f"{suite}/test/*", "commands": commands}
    return {"match": f"{suite}/test/*session_verify", "tasks": [task]}
