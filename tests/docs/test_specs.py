"""``docs/specs.md`` names all that the server offers, and what it names is there."""

from pathlib import Path

import pytest

from authrim.auditor.hidden import nothing_here
from authrim.features import FEATURES, Feature
from authrim.server.app import make_app
from authrim.wire.limits import Limits
from scripts.reference.specs import evidence, shown_path
from tests.support.running import RunningServer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/specs.md").read_text()


EVIDENCE = evidence()


def test_evidence_is_of_features() -> None:
    """``docs/specs.toml`` names every feature of the table, in its order, and nothing else."""
    assert list(EVIDENCE) == [feature.name for feature in FEATURES]


async def test_every_route_is_on_the_page(server: RunningServer) -> None:
    """No address answers that the page does not name, but the pages' own style sheet and pictures."""
    for route in make_app(server.parts, Limits()).router.routes():
        if route.handler is nothing_here:
            continue
        path = shown_path(route.resource.canonical if route.resource else "")
        method = "GET" if route.method == "HEAD" else route.method
        assert path.startswith("/static/") or f"`{method} {path}`" in PAGE, (route.method, path)


async def test_every_metadata_field_is_on_the_page(server: RunningServer) -> None:
    """Discovery says nothing that the page does not know the specification of."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        for field in await answer.json():
            assert f"`{field}`" in PAGE, field


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_what_a_feature_names_is_there(feature: Feature) -> None:
    """Each feature has tests; its files and tests exist, and each suite module stands in one of its tests."""
    known = EVIDENCE[feature.name]
    assert known.tests, "a feature without a test"
    named = [*known.files, *known.tests]
    assert not [path for path in named if not (ROOT / path).exists()]
    texts = "".join(_text(ROOT / path) for path in known.tests)
    assert not [module for module in known.suite if module not in texts]


def _text(path: Path) -> str:
    files = path.rglob("*") if path.is_dir() else [path]
    return "".join(file.read_text() for file in files if file.suffix in {".py", ".mjs", ".js"})
