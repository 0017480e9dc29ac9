"""The client's texts and contacts, the URIs of its request objects, and the URI where others can start its sign-in (RFC
7591 §2, OIDC DCR §2, OIDC Core §4)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from domain.client import redirect_uri
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration._policy_keys import fetched_uri
from domain.registration.invalid_metadata import invalid

#: The most characters of a text without a smaller limit of its own.
MAX_TEXT: Final = 2000
MAX_NAME: Final = 200
MAX_CONTACT: Final = 254
MAX_CONTACTS: Final = 16
MAX_LOCALIZED: Final = 64

#: Texts and pages that can be given in several languages (RFC 7591 §2.2).
LOCALIZABLE: Final = ("client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri")

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SHA256: Final = re.compile(r"[A-Za-z0-9_-]{43}=?")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
#: A mail address or another contact, without spaces.
_CONTACT: Final = re.compile(r"[^\s\x00-\x1f<>\"\\]+")


def checks(metadata: ClientMetadata, development: bool) -> Iterable[Refusal | None]:
    """The rules, in order. ``development``: loopback http is allowed for pages."""
    yield _texts(metadata)
    yield _contacts(metadata.contacts)
    yield _localized(metadata.localized, development)
    yield _initiate_login_uri(metadata.initiate_login_uri)
    yield from _request_uris(metadata.request_uris, development)


def name_refusal(metadata: ClientMetadata) -> Refusal | None:
    """Refuse a name that is too long as it was sent. This is checked before anything else is done with a name
    (A217)."""
    localized = (text for key, text in metadata.localized.items() if key.startswith("client_name#"))
    if all(len(name) <= MAX_NAME for name in (metadata.client_name, *localized)):
        return None
    return invalid("client_name", "is too long.", hint=f"Use at most {MAX_NAME} characters.")


def _texts(metadata: ClientMetadata) -> Refusal | None:
    """A text has a limit, and contains nothing that could end a line of a log or a header."""
    for name in metadata.__struct_fields__:
        value = getattr(metadata, name)
        texts = value if isinstance(value, tuple) else (value,)
        for text in texts:
            if isinstance(text, str) and (len(text) > MAX_TEXT or _has_control(name, text)):
                return invalid(
                    name, "is too long or has control characters.", hint=f"Use at most {MAX_TEXT}."
                )
    return None


def _has_control(name: str, text: str) -> bool:
    """Whether the text has control characters. A name may have them, because it is cleaned before it is stored
    (A038)."""
    return name != "client_name" and _CONTROL.search(text) is not None


def _contacts(contacts: tuple[str, ...]) -> Refusal | None:
    if len(contacts) > MAX_CONTACTS:
        return invalid("contacts", "has too many entries.", hint=f"Use at most {MAX_CONTACTS}.")
    if not all(len(one) <= MAX_CONTACT and _CONTACT.fullmatch(one) for one in contacts):
        return invalid("contacts", "has a malformed value.", hint="Give mail addresses.")
    return None


def _localized(localized: Mapping[str, Any], development: bool) -> Refusal | None:
    """A text with a language follows the rule of the text without one (RFC 7591 §2.2, BCP 47)."""
    if len(localized) > MAX_LOCALIZED:
        return invalid("client_name", "has too many languages.", hint=f"Use at most {MAX_LOCALIZED}.")
    for key, text in localized.items():
        name, _, language = key.partition("#")
        if name not in LOCALIZABLE or not _LANGUAGE.fullmatch(language):
            return invalid(name, "has an invalid language tag.", hint="Write it as client_name#de-AT.")
        if name == "client_name":
            continue  # name_refusal checks its length
        found = redirect_uri.registration_problem(text, "web", development)
        if found:
            problem = f"{found.what.rstrip('.')} in one of its languages."
            return invalid(name, problem, hint="Follow the rule of the field without a language.")
    return None


def _initiate_login_uri(uri: str | None) -> Refusal | None:
    """It must be https, also when an administrator registers it (OIDC DCR §2 initiate_login_uri)."""
    if uri is None:
        return None
    problem = redirect_uri.shape_problem(uri)
    if problem is not None:
        return invalid("initiate_login_uri", problem.what, hint=problem.fix)
    if not uri.lower().startswith("https://"):
        return invalid("initiate_login_uri", "is not https.", hint="Use https.")
    return None


def _request_uris(uris: tuple[str, ...], development: bool) -> Iterable[Refusal | None]:
    """URIs from which request objects can be fetched. A fragment is the SHA-256 of the object (OIDC Core §6.2)."""
    for index, uri in enumerate(uris):
        field = f"request_uris[{index}]"
        address, has_fragment, fragment = uri.partition("#")
        yield fetched_uri(field, address, development)
        if has_fragment and not _SHA256.fullmatch(fragment):
            yield invalid(
                field,
                "has a fragment that is not a digest.",
                hint="Use the base64url SHA-256 of the request object, or no fragment.",
            )
