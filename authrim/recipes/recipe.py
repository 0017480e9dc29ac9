"""One recipe: the client that a product needs, and the text to paste into the product, with places to fill."""

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from domain.client.metadata import ClientMetadata
from domain.resource.resource import ResourceSettings

#: A place to fill: ``@issuer@``. Nothing that people paste looks like it.
_PLACE: Final = re.compile(r"@([a-z_]+)@")
_PLACES: Final = ("issuer", "issuer_host", "url", "host", "client_id", "client_secret", "random")
#: Bytes of ``@random@``: 32 characters, as cookie secrets have to be.
_RANDOM_BYTES: Final = 24


class Snippet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text to paste: into ``file``, or into a shell when there is none."""

    language: str
    text: str
    file: str = ""


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product, as its own documentation describes it.

    ``url`` is the address of an installation, for the page. ``client`` holds the fields of ``ClientMetadata`` that
    differ from the defaults, ``resource`` those of ``ResourceSettings``, for an API: its URI is the address.
    ``refresh``, ``audience`` and ``logout`` answer what follows a first sign-in: when refresh tokens come, what
    ``aud`` is, how people log out.
    """

    title: str
    kind: Literal["application", "api", "broker"]
    summary: str
    site: str
    url: str
    client: dict[str, Any]
    snippets: tuple[Snippet, ...]
    refresh: str
    audience: str
    logout: str
    notes: tuple[str, ...] = ()
    resource: ResourceSettings | None = None

    @property
    def needs_url(self) -> bool:
        """Whether the client or a snippet depends on where the product runs."""
        texts = [msgspec.json.encode(self.client).decode(), *(one.text for one in self.snippets)]
        return any(name in ("url", "host") for text in texts for name in _PLACE.findall(text))

    def fields(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The fields of the client, with the places filled."""
        filled = {name: _filled(value, values) for name, value in self.client.items()}
        if "scope" in filled:
            filled["scope"] = filled["scope"].split()
        # Only what was given: a default of ours is no wish of the product.
        converted = msgspec.convert(filled, ClientMetadata)
        return {name: getattr(converted, name) for name in filled}

    def filled_snippets(self, values: Mapping[str, str]) -> tuple[Snippet, ...]:
        """The texts to paste. A place without a value is left in capitals, for the reader to fill."""
        return tuple(
            Snippet(one.language, fill(one.text, values), fill(one.file, values)) for one in self.snippets
        )


def notes_of(one: Recipe) -> tuple[tuple[str, str], ...]:
    """What follows a first sign-in, each with its subject."""
    named = (("Refresh tokens", one.refresh), ("Audience", one.audience), ("Logout", one.logout))
    return (*named, *(("Note", note) for note in one.notes))


def place_values(issuer: str, url: str) -> dict[str, str]:
    """What is known before the client is made. A new ``random`` each time: it is a secret of the product."""
    return {
        "issuer": issuer,
        "issuer_host": urlsplit(issuer).netloc,
        "url": url,
        "host": urlsplit(url).netloc,
        "random": secrets.token_urlsafe(_RANDOM_BYTES),
    }


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its places filled."""
    return _PLACE.sub(
        lambda place: values.get(place[1], place[1].upper()) if place[1] in _PLACES else place[0], text
    )


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return fill(value, values)
    if isinstance(value, list):
        return [_filled(one, values) for one in value]
    return value
