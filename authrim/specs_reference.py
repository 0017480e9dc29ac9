"""Writes ``docs/specs.md`` from ``authrim/features/``: ``python -m authrim.specs_reference [--check] FILE``.

The metadata fields are those that a server with every feature on gives out, so the page cannot name others.
"""

import argparse
import asyncio
import inspect
import re
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydantic import SecretStr

from authrim.app import make_runtime
from authrim.features import FEATURES, Feature
from authrim.runtime import Runtime
from authrim.settings import Settings
from authrim.store.migrate import migrate
from authrim.store.opening import open_store

_HEAD: Final = """# Specifications

<!-- Generated from authrim/features/ by `make docs`. -->

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
    return _HEAD + rows + "".join(_section(feature, fields[feature.name]) for feature in FEATURES)


async def _metadata_fields() -> dict[str, tuple[str, ...]]:
    """The metadata fields that each feature gives, by its name."""
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
        runtime = await make_runtime(settings, store)
        try:
            return {feature.name: _fields_of(feature, runtime) for feature in FEATURES}
        finally:
            runtime.passwords.close()
            await store.close()


def _fields_of(feature: Feature, runtime: Runtime) -> tuple[str, ...]:
    grants = ("grant_types_supported",) if feature.grant_types else ()
    return (*feature.metadata(runtime), *grants)


def _status(feature: Feature) -> str:
    if feature.is_draft:
        return f"{feature.status}, off"
    return f"{feature.status}, optional" if feature.optional else feature.status


def _section(feature: Feature, fields: tuple[str, ...]) -> str:
    """One feature: a line for each thing that there is of it."""
    routes = [f"{route.method} {shown_path(route.path + route.behind)}" for route in feature.routes]
    lines = {
        "Routes": routes,
        "Grant types": feature.grant_types,
        "Metadata": fields,
        "Files": _files(feature),
        "Tests": feature.tests,
        "Conformance suite": feature.suite,
    }
    body = "".join(
        f"- {title}: " + ", ".join(f"`{value}`" for value in values) + "\n"
        for title, values in lines.items()
        if values
    )
    return f"\n## {feature.name}\n\n{feature.specification}. {_status(feature).capitalize()}.\n\n{body}"


def _files(feature: Feature) -> tuple[str, ...]:
    """The handlers' files, the grants' and the others that the feature names, each once."""
    handlers = [inspect.getmodule(route.handler) for route in feature.routes]
    modules = [module.__name__.replace(".", "/") + ".py" for module in handlers if module is not None]
    return tuple(dict.fromkeys((*modules, *feature.files)))


def shown_path(path: str) -> str:
    """The path without the pattern of its variable part."""
    return re.sub(r":[^}]*}", "}", path.replace("{32}", ""))


def main() -> None:
    """Write the page, or fail when it is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the page is not current")
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    if not arguments.check:
        arguments.file.write_text(page())
    elif not arguments.file.exists() or arguments.file.read_text() != page():
        raise SystemExit(f"{arguments.file} is not current: run make docs")


if __name__ == "__main__":
    main()
