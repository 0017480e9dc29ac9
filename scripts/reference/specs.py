"""``docs/specs.md``: every feature of ``authrim/features/``, with the files and tests from ``docs/specs.toml``.

The metadata fields are those of a server with every feature on, so the page cannot list others.
"""

import asyncio
import inspect
import re
import secrets
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from pydantic import SecretStr

from authrim.core.parts import Core
from authrim.features import FEATURES, Feature
from authrim.features.on_demand import handler_of
from authrim.people.part import PEOPLE
from authrim.server.wiring import make_parts
from authrim.settings import Settings
from authrim.store.migrate import migrate
from authrim.store.opening import open_store
from authrim.web.call import CORE


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The files that implement a feature and the tests that prove it: paths from the root of the repository, and names
    of suite modules.

    ``files`` are those besides the handlers of the routes. ``suite`` are the modules of the official conformance suite
    that the tests cover by name.
    """

    files: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    suite: tuple[str, ...] = ()


def evidence() -> dict[str, Evidence]:
    """The evidence of each feature by its name, from ``docs/specs.toml``."""
    read = tomllib.loads(Path("docs/specs.toml").read_text("utf-8"))
    return msgspec.convert(read, dict[str, Evidence])


_HEAD: Final = """# Specifications

<!-- Generated from authrim/features/ and docs/specs.toml by `make docs`. -->

What this server implements, where it is reached, in which files it is, and what proves it. A feature that is off
leaves no route and no metadata. `features_off` switches off the optional ones, `features_on` switches on drafts
([settings.md](settings.md)).

| feature | specification | status |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    fields = asyncio.run(_metadata_fields())
    rows = "".join(
        f"| [{feature.name}](#{feature.name}) | {feature.specification} | {_status(feature)} |\n"
        for feature in FEATURES
    )
    known = evidence()
    sections = (_section(feature, fields[feature.name], known[feature.name]) for feature in FEATURES)
    return _HEAD + rows + "".join(sections)


async def _metadata_fields() -> dict[str, tuple[str, ...]]:
    """The metadata fields of each feature, by its name."""
    with TemporaryDirectory() as folder:
        settings = Settings(
            issuer="https://op.example",
            database=SecretStr(str(Path(folder) / "authrim.db")),
            mtls_url="https://mtls.op.example",
            master_keys=(SecretStr(secrets.token_urlsafe(32)),),
            features_on=tuple(feature.name for feature in FEATURES if feature.is_draft),
        )
        await migrate(settings)
        store = open_store(settings, exclusive=True)
        await store.open()
        parts = await make_parts(settings, store)
        try:
            return {feature.name: _fields_of(feature, parts[CORE]) for feature in FEATURES}
        finally:
            parts[PEOPLE].passwords.close()
            await store.close()


def _fields_of(feature: Feature, core: Core) -> tuple[str, ...]:
    grants = ("grant_types_supported",) if feature.grant_types else ()
    return (*feature.metadata(core), *grants)


def _status(feature: Feature) -> str:
    if feature.is_draft:
        return f"{feature.status}, off"
    return f"{feature.status}, optional" if feature.optional else feature.status


def _section(feature: Feature, fields: tuple[str, ...], known: Evidence) -> str:
    """The section of one feature, with a line for each kind of evidence."""
    routes = [
        f"{method} {shown_path(route.path + route.behind)}"
        for route in feature.routes
        for method in ((route.method, "OPTIONS") if route.scripts else (route.method,))
    ]
    routes = list(dict.fromkeys(routes))
    lines = {
        "Routes": routes,
        "Grant types": feature.grant_types,
        "Metadata": fields,
        "Files": _files(feature, known),
        "Tests": known.tests,
        "Conformance suite": known.suite,
    }
    body = "".join(
        f"- {title}: " + ", ".join(f"`{value}`" for value in values) + "\n"
        for title, values in lines.items()
        if values
    )
    return f"\n## {feature.name}\n\n{feature.specification}. {_status(feature).capitalize()}.\n\n{body}"


def _files(feature: Feature, known: Evidence) -> tuple[str, ...]:
    """The files of the handlers, and the other files of the feature, without duplicates."""
    handlers = [inspect.getmodule(handler_of(route.handler)) for route in feature.routes]
    modules = [module.__name__.replace(".", "/") + ".py" for module in handlers if module is not None]
    return tuple(dict.fromkeys((*modules, *known.files)))


def shown_path(path: str) -> str:
    """The path without the pattern of its variable part."""
    return re.sub(r":[^}]*}", "}", path.replace("{32}", ""))
