"""Counts naively what was done in a period: by administrators, to the configuration, and with tokens."""

from typing import Any

from tests.reports.raw_rows import Counted, Raw

#: What can name a reason.
_MAY_SAY_WHY = {
    "account.disabled.v1", "account.grants_ended.v1", "account.hold_placed.v1", "account.hold_released.v1",
    "account.erasure_requested.v1", "account.erasure_withdrawn.v1", "account.person_erased.v1", "client.disabled.v1",
    "client.registration_token_revoked.v1", "key.revoked.v1", "incident.opened.v1", "log.rollback_accepted.v1",
    "audit.rule_break_acknowledged.v1", "audit.access_reviewed.v1", "session.ended.v1", "grant.revoked.v1",
    "webhook.deleted.v1", "resource.retired.v1", "outbox.retried.v1", "outbox.discarded.v1",
}  # fmt: skip
_CONFIGURATION = {"client", "key", "setting", "resource", "scope", "claim", "webhook", "registration"}


def administration(period: list[Raw], found: Counted) -> None:
    """Everything of an administrator is an action, except questions."""
    to = found.positions
    for event in period:
        if event.type == "audit.question_asked.v1":
            to["administration.questions"].append(event.position)
            for name, applies in (
                ("questions_on_person", "subject" in event.payload),
                ("exports", event.payload.get("exported")),
                ("questions_no_reason", not event.payload.get("reason")),
            ):
                if applies:
                    to["administration." + name].append(event.position)
        elif event.actor == "admin":
            to["administration.all"].append(event.position)
            to["administration.by_kind." + event.type.replace(".", "_")].append(event.position)
            if event.operator in ("uid 0", ""):
                name = "superuser" if event.operator else "unknown"
                to["administration." + name].append(event.position)
            if event.type in _MAY_SAY_WHY and not event.payload.get("reason"):
                to["administration.no_reason"].append(event.position)


def changes(period: list[Raw], found: Counted) -> None:
    """Every event of what is configured is a change."""
    to = found.positions
    for event in period:
        subject = event.type.split(".")[0]
        if subject in _CONFIGURATION:
            for name in ("all", f"of.{subject}", f"by.{event.actor or 'none'}"):
                to["changes." + name].append(event.position)
        if event.type == "setting.master_key_given_up.v1":
            to["changes.master_keys_given_up"].append(event.position)


def weaker(log: list[Raw], first: int, found: Counted) -> None:
    """Each registration and setting beside the one before it."""
    clients: dict[str, dict[str, Any]] = {}
    settings: dict[str, Any] = {}
    for event in log:
        less = False
        if event.type == "client.registered.v1":
            clients[event.id] = event.payload["metadata"]
        if event.type == "client.updated.v1":
            less = _client_is_weaker(clients[event.id], event.payload["metadata"])
            clients[event.id] = event.payload["metadata"]
        if event.type == "setting.changed.v1":
            changed = event.payload["changed"]
            less = any(
                _setting_is_weaker(name, settings[name], new)
                for name, new in changed.items()
                if name in settings
            )
            settings |= changed
        if less and event.position >= first:
            found.positions["changes.weaker"].append(event.position)


def _client_is_weaker(old: dict[str, Any], new: dict[str, Any]) -> bool:
    was, is_now = (one.get("token_endpoint_auth_method", "client_secret_basic") for one in (old, new))
    proves = ["none", "client_secret_post client_secret_basic", "client_secret_jwt"]
    of_old, of_new = ([name in words for words in proves].index(True) if any(name in words for words in proves) else 9
                      for name in (was, is_now))  # fmt: skip
    longer = [
        name in old and name in new and new[name] > old[name]
        for name in ("access_token_lifetime", "refresh_token_lifetime")
    ]
    more = [
        bool(set(new.get(name, usual)) - set(old.get(name, usual)))
        for name, usual in (("scope", ()), ("grant_types", ("authorization_code",)))
    ]
    lifted = [
        new.get(name, False) and not old.get(name, False)
        for name in ("skip_consent", "may_introspect", "plain_http_redirect_uris")
    ]
    no_more = [
        old.get(name, False) and not new.get(name, False)
        for name in (
            "dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens",
            "require_pushed_authorization_requests", "require_signed_request_object", "profile",
        )
    ]  # fmt: skip
    return of_new < of_old or any((*longer, *more, *lifted, *no_more))


def _setting_is_weaker(name: str, old: Any, new: Any) -> bool:
    orders = {
        "registration": ["open", "initial_access_token", "off"],
        "dpop_nonce": ["off", "profile", "required"],
    }
    if name in orders:
        return (
            old in orders[name] and new in orders[name] and orders[name].index(new) < orders[name].index(old)
        )
    return name.endswith("_lifetime") and new > old


def tokens(log: list[Raw], first: int, found: Counted) -> None:
    """Each token by what its own event says; a refresh token's client is that of its grant's last access token."""
    to = found.positions
    public: dict[str, bool] = {}
    client_of: dict[str, str] = {}
    lives: dict[str, list[tuple[int, int]]] = {"access": [], "id": [], "refresh": []}
    for event in log:
        said = event.payload
        if event.type in ("client.registered.v1", "client.updated.v1"):
            public[event.id] = said["metadata"].get("token_endpoint_auth_method") == "none"
        if event.type == "grant.access_token_issued.v1":
            client_of[event.id] = said["client_id"]
        if event.position < first:
            continue
        names: dict[str, bool] = {}
        match event.type:
            case "grant.access_token_issued.v1":
                lives["access"].append((said["expires_at"] - said["issued_at"], -event.position))
                names = _of_access_token(said)
            case "grant.id_token_issued.v1":
                lives["id"].append((said["expires_at"] - said["issued_at"], -event.position))
                names = {"id": True}
            case "grant.refresh_token_issued.v1":
                lives["refresh"].append((said["expires_at"] - said["issued_at"], -event.position))
                bound = any(name in said for name in ("jkt", "x5t_s256", "instance_jkt"))
                free = not bound and public[client_of[event.id]]
                names = {"refresh": True, "refresh_bound": bound, "refresh_public_unbound": free}
            case "grant.refresh_token_rotated.v1":
                lives["refresh"].append((said["expires_at"] - said["rotated_at"], -event.position))
                names = {"refresh_rotated": True}
            case "grant.refresh_token_used.v1":
                names = {"refresh_used": True}
            case "grant.refresh_token_repeated.v1":
                names = {"refresh_repeated": True}
        for name, applies in names.items():
            if applies:
                to["tokens." + name].append(event.position)
    for name, ones in lives.items():
        life, position = max(ones)
        to[f"tokens.longest_{name}"] = [-position]
        found.values[f"tokens.longest_{name}"] = life
    to["tokens.coverage"] = to["tokens.bound"]
    of_thousand = 1000 * len(to["tokens.bound"]) // len(to["tokens.access"])
    found.values["tokens.coverage"] = max(of_thousand, min(len(to["tokens.bound"]), 1)) / 10


def _of_access_token(said: dict[str, object]) -> dict[str, bool]:
    dpop, mtls = "jkt" in said, "x5t_s256" in said
    return {
        "access": True,
        "dpop": dpop,
        "mtls": mtls and not dpop,
        "bound": dpop or mtls,
        "bearer": not (dpop or mtls),
        "opaque": said["format"] == "opaque",
        "encrypted": "encrypted_to" in said,
        "of_clients": "subject" not in said,
        "long": int(str(said["expires_at"])) - int(str(said["issued_at"])) > 3600,
    }
