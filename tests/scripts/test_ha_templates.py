"""The files of ``deploy/ha/`` for real machines: filled with the example's values, they are what their readers take."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Final

import pytest
import yaml

from authrim.settings import check_values

_FOLDER: Final = Path(__file__).parents[2] / "deploy" / "ha"
_TEMPLATES: Final = (
    "etcd.yml", "patroni.yml", "pgbouncer.ini", "userlist.txt", "haproxy-database.cfg", "haproxy-public.cfg",
    "authrim.toml",
)  # fmt: skip
#: Settings whose values are in files beside it.
_OF_FILES: Final = ("master_key", "database", "database_listen", "database_replica")


@pytest.fixture
def values(tmp_path: Path) -> Path:
    """The example, with its passwords; HAProxy needs no certificate, and no folder of root's."""
    text = re.sub(r"(?m)^(\w+_password)=$", r"\1=secret", (_FOLDER / "values.example").read_text())
    text = re.sub(r"(?m)^public_bind=.*$", "public_bind=:8443", text)
    file = tmp_path / "values"
    file.write_text(re.sub(r"(?m)^proxy_sockets=.*$", f"proxy_sockets={tmp_path}", text))
    return file


def fill(template: str, *values: str) -> subprocess.CompletedProcess[str]:
    """What ``fill`` makes of a template."""
    command = [str(_FOLDER / "fill"), str(_FOLDER / template), *values]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def filled(template: str, values: Path) -> str:
    """A template as the README fills it."""
    done = fill(template, str(values), "name=db1", "address=10.0.0.11")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("template", _TEMPLATES)
def test_the_example_has_every_value(values: Path, template: str) -> None:
    """Every name in a template is one of the example, or of the machine."""
    assert "${" not in filled(template, values)


def test_a_value_that_is_missing_is_named() -> None:
    """A template is not filled without a password: the example has none."""
    done = fill("patroni.yml", str(_FOLDER / "values.example"), "name=db1", "address=10.0.0.11")
    assert done.returncode != 0
    assert done.stdout == ""
    assert "rest_password" in done.stderr


@pytest.mark.parametrize("template", ["haproxy-database.cfg", "haproxy-public.cfg"])
def test_haproxy_takes_its_file(values: Path, tmp_path: Path, template: str) -> None:
    """HAProxy finds no fault in its configuration."""
    file = tmp_path / template
    file.write_text(filled(template, values))
    haproxy = ["/usr/sbin/haproxy", "-c", "-f", str(file)]
    done = subprocess.run(haproxy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_server_takes_its_file(values: Path) -> None:
    """Every line is a setting, and the ones that a failover needs are there."""
    settings = tomllib.loads(filled("authrim.toml", values))
    assert settings["database_failover"] is True
    assert settings["database_pooled"] is True
    files = {name: settings.pop(f"{name}_file") for name in _OF_FILES}
    assert len(set(files.values())) == len(_OF_FILES)
    settings |= {"database": "postgresql://authrim_app@127.0.0.1/authrim", "master_keys": ["A" * 43]}
    check_values(settings, "the file")


def test_each_address_of_the_database_has_a_listener(values: Path) -> None:
    """F41: for each address that the README gives to a server, HAProxy listens, and leads to the primary, or to a
    standby for the one of the replica."""
    readme = (_FOLDER / "README.md").read_text()
    given = re.findall(r"(?m)^ +postgresql://\S+@([\d.:]+)/authrim +/etc/authrim/(database\S*)$", readme)
    assert {name for _, name in given} == {name.replace("_", "-") for name in _OF_FILES[1:]}
    sections = filled("haproxy-database.cfg", values).split("\nlisten ")
    usual = re.search("uri /primary", sections[0])
    assert usual
    for address, name in given:
        (section,) = [section for section in sections[1:] if f"bind {address}\n" in section]
        asked = re.findall(r"http-check send meth OPTIONS uri (/\S+)", section)
        assert asked == (["/replica"] if name == "database-replica" else []), name


def test_a_primary_gives_up_before_it_is_replaced(values: Path) -> None:
    """F07: a primary that cannot reach etcd has given up before its lock is over, commits wait for a standby, and the
    cluster manager is one that does not write over another's lock."""
    configuration = yaml.safe_load(filled("patroni.yml", values))
    times = configuration["bootstrap"]["dcs"]
    assert times["loop_wait"] + 2 * times["retry_timeout"] <= times["ttl"]
    assert times["synchronous_mode"] == "quorum"
    assert times["synchronous_mode_strict"] is True
    (version,) = re.findall(r"(?m)^patroni==([\d.]+)", (_FOLDER / "patroni.txt").read_text())
    assert tuple(map(int, version.split("."))) >= (4, 0, 5)
