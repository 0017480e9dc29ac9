"""Writes ``docs/specs.md`` from ``authrim/features/``: ``python -m authrim.specs_reference [--check] FILE``."""

import argparse
import re
from pathlib import Path

from authrim.features import FEATURES, Feature

_HEAD = """# Specifications

Written by `make docs` from `authrim/features/`: what this server implements, where it is reached, and in which files
the endpoint is. A feature that is not in this table leaves no route and no metadata.

| feature | specification | status | routes | grant types | files |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(_row(feature) for feature in FEATURES)


def _row(feature: Feature) -> str:
    routes = "<br>".join(f"`{route.method} {_shown(route.path)}`" for route in feature.routes)
    modules = {route.handler.__module__.replace(".", "/") + ".py": None for route in feature.routes}
    grants = ", ".join(f"`{name}`" for name in feature.grant_types)
    files = "<br>".join(f"`{module}`" for module in modules)
    files = files or ", ".join(f"`authrim/grants/{name}.py`" for name in feature.grant_types)
    cells = (feature.name, feature.specification, feature.status, routes, grants, files)
    return "| " + " | ".join(cell or "–" for cell in cells) + " |\n"


def _shown(path: str) -> str:
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
