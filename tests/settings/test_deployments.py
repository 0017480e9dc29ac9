"""What ``deploy/`` can be set to is what the server can be: no setting is out of reach in a cluster."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from authrim.settings import Settings
from authrim.settings.secret_files import SECRET_FILES

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "deploy" / "helm" / "authrim"
#: What no pod needs, and why.
NOT_IN_PODS: Final = {
    "development": "a pod is production",
    "host": "a pod listens on all its addresses, which are its own",
    "port": "a pod has a port of its own",
    "listen_socket": "no proxy is in the pod",
}
FILE_SETTINGS: Final = frozenset(SECRET_FILES.values())


def schema() -> dict[str, Any]:
    """Of the values of the chart."""
    found: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())["properties"]
    return found


def values() -> dict[str, Any]:
    """The values that the chart has by itself."""
    found: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return found


def templates() -> str:
    """What is made of the values."""
    return "\n".join(file.read_text() for file in sorted((CHART / "templates").rglob("*.*")))


def in_the_chart() -> set[str]:
    """The settings that a value of the chart reaches: those of `settings`, those that its templates write, and those
    of its Secrets."""
    written = templates()
    reached = set(schema()["settings"]["properties"]) | set(
        schema()["secrets"]["properties"]["keys"]["properties"]
    )
    for name in Settings.model_fields.keys() - FILE_SETTINGS:
        file = SECRET_FILES.get(name, name)
        if re.search(rf"(?m)^{name} = |AUTHRIM_{file.upper()}\b", written):
            reached.add(name)
    return reached


def test_every_setting_is_a_value_of_the_chart() -> None:
    """Each setting but those that no pod needs can be given to the chart; a file setting counts as its secret."""
    needed = Settings.model_fields.keys() - FILE_SETTINGS - NOT_IN_PODS.keys()
    assert needed - in_the_chart() == set()
    assert not NOT_IN_PODS.keys() & in_the_chart(), "that is in the chart after all"


def pages() -> list[Path]:
    """The pages for operators that have settings in an example."""
    folders = (ROOT / "docs" / "operations", ROOT / "docs" / "audit", ROOT / "docs" / "protocols")
    return sorted(page for folder in folders for page in folder.rglob("*.md") if any(examples(page)))


def examples(page: Path) -> Iterator[str]:
    """The settings that a page gives an example of, in a block of TOML."""
    for block in re.findall(r"(?s)```toml\n(.*?)```", page.read_text()):
        top = re.split(r"(?m)^\[", block)[0]
        yield from (name for name in re.findall(r"(?m)^(\w+) = ", top) if name in Settings.model_fields)


def test_pages_have_examples() -> None:
    """The next test looks at something."""
    assert ROOT / "docs" / "operations" / "replica.md" in pages()
    assert len(pages()) > 8


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_what_a_page_sets_can_be_set_in_a_cluster(page: Path) -> None:
    """A setting that a page asks an operator for is one of the chart, whatever way the page gives it in."""
    secrets = {file: name for name, file in SECRET_FILES.items()}
    asked = {secrets.get(name, name) for name in examples(page)}
    assert asked - in_the_chart() - NOT_IN_PODS.keys() == set()


def test_the_page_of_keys_says_where_each_secret_goes() -> None:
    """Its table has every setting that holds a secret, and each value of the chart on it exists."""
    rows = re.findall(
        r"(?m)^\| `(\w+)`[^|]*\| `(\w+)` \| `(authrim\.\w+)` \| `([\w.]+)` \|$",
        (ROOT / "docs" / "operations" / "keys.md").read_text(),
    )
    assert {(name, file, credential) for name, file, credential, _ in rows} == {
        (name, file, f"authrim.{name}") for name, file in SECRET_FILES.items()
    }
    for name, _, _, value in rows:
        group, *key = value.split(".")
        if group == "secrets":
            assert key == ["keys", name]
            assert name in schema()["secrets"]["properties"]["keys"]["properties"]
        else:
            assert key[0] in values()[group], value
            assert f".Values.{value}" in templates(), value


def test_compose_gives_each_secret_as_a_file() -> None:
    """Each variable of compose.yaml is a setting, and each file that one names is a secret of its service."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    ours = {name: one for name, one in services.items() if "AUTHRIM_ISSUER" in one.get("environment", {})}
    assert set(ours) == {"migrate", "authrim-1", "authrim-2"}
    for name, service in ours.items():
        for variable, value in service["environment"].items():
            setting = variable.removeprefix("AUTHRIM_").lower()
            assert setting in {*Settings.model_fields, "config_file"}, (name, variable)
            if setting in FILE_SETTINGS:
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, variable)


def test_the_unit_passes_on_what_it_names() -> None:
    """Each setting in the unit's environment is one, and names a credential that the unit loads."""
    unit = (ROOT / "deploy" / "systemd" / "authrim.service").read_text()
    loaded = set(re.findall(r"(?m)^LoadCredential=([\w.]+):", unit))
    named = re.findall(r"(?m)^Environment=AUTHRIM_(\w+)=(.+)$", unit)
    assert named
    for name, value in named:
        assert name.lower() in Settings.model_fields
        assert value.removeprefix("%d/") in loaded, name
