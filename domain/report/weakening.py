"""Which changes of the configuration demand less or allow more than before, and why."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from domain.changed_fields import ChangedField
from domain.client.profile import ATTESTED_METHODS, CERTIFICATE_METHODS, PROFILES
from domain.report.wording import clean, value_text
from domain.stream import CLIENT, RESOURCE, SETTING

#: Looks at an old and a new value, both of a thing that was there before: why the new one is weaker, or nothing.
Look = Callable[[Any, Any], str]

#: Methods of clients: a public client proves nothing, a secret can be copied where it is sent or kept.
_METHODS: Final[Mapping[str, int]] = {
    "none": 0, "client_secret_post": 1, "client_secret_basic": 1, "client_secret_jwt": 2, "private_key_jwt": 3,
    **dict.fromkeys((*ATTESTED_METHODS, *CERTIFICATE_METHODS), 3),
}  # fmt: skip
_REGISTRATION: Final[Mapping[str, int]] = {"open": 0, "initial_access_token": 1, "off": 2}
_NONCES: Final[Mapping[str, int]] = {"off": 0, "profile": 1, "required": 2}


def _turned(value: bool, why: str) -> Look:
    return lambda old, new: why if bool(new) is value and bool(old) is not value else ""


def _longer(what: str) -> Look:
    def look(old: Any, new: Any) -> str:
        if not isinstance(old, int) or not isinstance(new, int) or isinstance(new, bool):
            return ""
        return f"{what} live longer: {old} → {new} s" if new > old else ""

    return look


def _lower(ranks: Mapping[str, int], what: str) -> Look:
    def look(old: Any, new: Any) -> str:
        if old not in ranks or new not in ranks:
            return ""
        return f"{what}: {old} → {new}" if ranks[new] < ranks[old] else ""

    return look


def _more(what: str) -> Look:
    def look(old: Any, new: Any) -> str:
        if not isinstance(new, list | tuple):
            return ""
        added = [one for one in new if one not in (old or ())]
        return f"{what}: {value_text('', added, 200)}" if added else ""

    return look


def _profile(old: Any, new: Any) -> str:
    """A profile that leaves out something that the one before demanded."""
    if old not in PROFILES or new not in PROFILES or old == new:
        return ""
    before, after = PROFILES[old], PROFILES[new]
    lost = [
        name
        for name, was, is_now in (
            ("bound tokens", before.sender_constraints, after.sender_constraints),
            ("pushed requests", before.require_pushed, after.require_pushed),
            ("signed requests", before.request_objects.required, after.request_objects.required),
        )
        if was and not is_now
    ]
    return f"the profile {new} does not demand {' and '.join(lost)}, as {old} did" if lost else ""


_CLIENT: Final[Mapping[str, Look]] = {
    "profile": _profile,
    "token_endpoint_auth_method": _lower(_METHODS, "weaker authentication of the client"),
    "dpop_bound_access_tokens": _turned(False, "its tokens need no key (DPoP) any more"),
    "tls_client_certificate_bound_access_tokens": _turned(False, "its tokens need no certificate any more"),
    "require_pushed_authorization_requests": _turned(False, "its requests need not be pushed any more"),
    "require_signed_request_object": _turned(False, "its requests need not be signed any more"),
    "skip_consent": _turned(True, "people are not asked for their consent any more"),
    "may_introspect": _turned(True, "it may read what tokens of others are worth"),
    "plain_http_redirect_uris": _turned(True, "answers may go to it without TLS"),
    "access_token_lifetime": _longer("its access tokens"),
    "refresh_token_lifetime": _longer("its refresh tokens"),
    "grant_types": _more("it may use more grant types"),
    "scope": _more("it may ask for more scope"),
}
_RESOURCE: Final[Mapping[str, Look]] = {
    "any_client": _turned(True, "every client may ask for its tokens"),
    "access_token_lifetime": _longer("its access tokens"),
    "claims": _more("it is told more about people"),
}
_SETTING: Final[Mapping[str, Look]] = {
    "registration": _lower(_REGISTRATION, "more may register a client"),
    "dpop_nonce": _lower(_NONCES, "fewer clients must use a nonce of this server"),
    "access_token_lifetime": _longer("access tokens"),
    "refresh_token_lifetime": _longer("refresh tokens"),
    "id_token_lifetime": _longer("ID tokens"),
    "code_lifetime": _longer("codes"),
    "refresh_grace_seconds": _longer("refresh tokens that were used"),
    "registration_scope": _more("clients that register themselves may ask for more scope"),
    "registration_grant_types": _more("clients that register themselves may use more grant types"),
    "software_statement_required": _turned(False, "clients need no software statement to register any more"),
}
_LOOKS: Final[Mapping[str, Mapping[str, Look]]] = {CLIENT: _CLIENT, RESOURCE: _RESOURCE, SETTING: _SETTING}


def weakens(kind: str, fields: Iterable[ChangedField]) -> Iterator[str]:
    """Why less is demanded or more allowed after a change. What is new has nothing to compare it with."""
    told = list(fields)
    if any(one.field == "status" and one.old is None for one in told):
        return
    looks = _LOOKS.get(kind, {})
    for one in told:
        look = looks.get(one.field)
        if look is not None and not one.hidden and not (one.old is None and kind == SETTING):
            why = look(one.old, one.new)
            if why:
                yield clean(why)
