"""The Helm chart: rendered by helm, read by Kubernetes' own types, and its settings read by the server."""

import itertools
import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from authrim.settings import load
from authrim.settings.secret_files import SECRET_FILES
from tests.support.installing import go_program, go_program_of, run, system_packages

pytestmark = pytest.mark.operations

_HERE: Final = Path(__file__).parent
CHART: Final = _HERE.parents[2] / "deploy" / "helm" / "authrim"
SOFTWARE: Final = _HERE.parent / "software"
#: What has no default.
REQUIRED: Final = {
    "issuer": "https://login.example.com",
    "masterKey.existingSecret": "authrim-master-key",
    "database.existingSecret": "authrim-database",
    "migration.existingSecret": "authrim-owner",
}
#: Options that change which objects there are, and what is in them.
SWITCHES: Final = (
    ("background.place=apart",),
    ("metrics.enabled=true", "metrics.serviceMonitor.enabled=true"),
    ("ingress.enabled=true",),
    ("tls.existingSecret=authrim-tls",),
)

Objects = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="session")
def helm() -> str:
    """helm, built from its Go module."""
    system_packages("charts")
    return str(go_program("helm.sh/helm/v4/cmd/helm", "v4.3.2"))


@pytest.fixture(scope="session")
def reader() -> str:
    """The program that reads objects strictly."""
    system_packages("charts")
    return str(go_program_of(SOFTWARE / "kubernetes-objects"))


def required(**changes: str) -> list[str]:
    """The options of helm for what has no default."""
    values = REQUIRED | {name.replace("__", "."): value for name, value in changes.items()}
    return [option for name, value in values.items() for option in ("--set", f"{name}={value}")]


def rendered(helm: str, reader: str, *options: str) -> Objects:
    """What the chart makes, each object as Kubernetes reads it; none may do what the restricted standard forbids."""
    text = run(helm, "template", "login", str(CHART), "--namespace", "identity", *options)
    read = subprocess.run([reader], input=text, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    lines = [json.loads(line) for line in read.stdout.splitlines()]
    assert [line["forbidden"] for line in lines if line["forbidden"]] == []
    return {(line["kind"], line["name"]): line["object"] for line in lines}


def refused(helm: str, *options: str) -> str:
    """Why helm does not render it."""
    command = [helm, "template", "login", str(CHART), *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode != 0, ran.stdout
    return ran.stderr


def pods(objects: Objects) -> dict[str, dict[str, Any]]:
    """The pods by the name of their object."""
    found = {}
    for (kind, name), one in objects.items():
        if kind in {"Deployment", "Job"}:
            found[name] = one["spec"]["template"]
        elif kind == "Pod":
            found[name] = one
    return found


def test_helm_finds_nothing_to_say(helm: str) -> None:
    """``helm lint --strict`` passes with what is required alone, and with everything that there is."""
    run(helm, "lint", "--strict", str(CHART), *required())
    run(helm, "lint", "--strict", str(CHART), "--values", str(_HERE / "values.yaml"))


def test_every_combination_is_read_by_kubernetes(helm: str, reader: str) -> None:
    """Each set of switches renders to objects without an unknown field, which the restricted standard allows (A312)."""
    for chosen in itertools.product((False, True), repeat=len(SWITCHES)):
        switched = itertools.compress(SWITCHES, chosen)
        options = [part for switch in switched for one in switch for part in ("--set", one)]
        assert ("Deployment", "login-authrim") in rendered(helm, reader, *required(), *options)


def test_the_default_is_a_whole_release(helm: str, reader: str) -> None:
    """Two servers, the job before them, a service, a budget and a policy; nothing that was not asked for."""
    objects = rendered(helm, reader, *required())
    assert set(objects) == {
        ("ConfigMap", "login-authrim"),
        ("Deployment", "login-authrim"),
        ("Job", "login-authrim-migration"),
        ("NetworkPolicy", "login-authrim"),
        ("Pod", "login-authrim-ready"),
        ("PodDisruptionBudget", "login-authrim"),
        ("Service", "login-authrim"),
        ("ServiceAccount", "login-authrim"),
    }
    assert objects["Deployment", "login-authrim"]["spec"]["replicas"] == 2


def test_everything_can_be_switched_on(helm: str, reader: str) -> None:
    """Ingress, metrics, autoscaling and background work of its own are there, and each value is where it belongs."""
    objects = rendered(helm, reader, "--values", str(_HERE / "values.yaml"))
    kinds = {kind for kind, _ in objects}
    assert {"Ingress", "ServiceMonitor", "HorizontalPodAutoscaler"} <= kinds
    assert ("Deployment", "login-authrim-background") in objects
    deployment = objects["Deployment", "login-authrim"]["spec"]
    assert "replicas" not in deployment, "the autoscaler decides"
    pod = deployment["template"]["spec"]
    assert pod["containers"][0]["image"].startswith("registry.example.com/authrim@sha256:")
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert pod["priorityClassName"] == "important"
    assert objects["Ingress", "login-authrim"]["spec"]["rules"][0]["host"] == "login.example.com"
    monitored = objects["ServiceMonitor", "login-authrim"]["spec"]["selector"]["matchLabels"]
    assert monitored.items() <= objects["Service", "login-authrim-metrics"]["metadata"]["labels"].items()


def test_the_server_reads_the_settings(
    helm: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of the ConfigMap is TOML that the server accepts, with every value as it was given."""
    objects = rendered(helm, reader, "--values", str(_HERE / "values.yaml"))
    text = objects["ConfigMap", "login-authrim"]["data"]["authrim.toml"]
    for name in [name for name in os.environ if name.startswith("AUTHRIM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AUTHRIM_MASTER_KEYS", "A" * 43)
    monkeypatch.setenv("AUTHRIM_DATABASE", "postgresql://authrim_app@database/authrim")
    file = tmp_path / "authrim.toml"
    file.write_text(text)
    settings = load(file)
    assert settings.issuer == "https://login.example.com"
    assert settings.erasure_delay_seconds == 2_419_200
    assert settings.access_token_lifetime == 300
    assert settings.self_registration is True
    assert [str(network) for network in settings.trusted_proxies] == ["10.244.0.0/16"]
    assert settings.workers == 2
    assert settings.background == "none"
    assert settings.database_pooled is True
    assert settings.metrics_listen == "[::]:9464"
    assert settings.tls_certificate == Path("/run/secrets/authrim-tls/tls.crt")


def test_a_setting_without_a_value_is_none(helm: str, reader: str, tmp_path: Path) -> None:
    """``name:`` alone leaves the server's default: TOML has no null, and servers with one would not start."""
    values = tmp_path / "values.yaml"
    values.write_text("settings:\n  acme_ca_file:\n  access_token_lifetime: 300\n")
    objects = rendered(helm, reader, *required(), "--values", str(values))
    settings = tomllib.loads(objects["ConfigMap", "login-authrim"]["data"]["authrim.toml"])
    assert settings == {"issuer": "https://login.example.com", "workers": 1, "access_token_lifetime": 300}


def test_the_migration_has_what_was_given_to_the_servers(helm: str, reader: str) -> None:
    """It reaches the same database: an authority that its address names (``sslrootcert``) is there too."""
    given = pods(rendered(helm, reader, "--values", str(_HERE / "values.yaml")))
    for name in ("login-authrim", "login-authrim-migration"):
        (container,) = given[name]["spec"]["containers"]
        assert "authorities" in [one["name"] for one in given[name]["spec"]["volumes"]], name
        assert "/etc/authorities" in [one["mountPath"] for one in container["volumeMounts"]], name
        assert "AUTHRIM_EGRESS_CA_FILE" in [one["name"] for one in container["env"]], name


def test_secrets_are_referred_to_alone(helm: str, reader: str) -> None:
    """A312: secrets are files of Secrets that exist already, in no object of the chart and in no variable."""
    objects = rendered(helm, reader, "--values", str(_HERE / "values.yaml"))
    assert not [name for kind, name in objects if kind == "Secret"]
    given = pods(objects)
    for pod in given.values():
        for container in pod["spec"]["containers"]:
            assert not [one for one in container.get("env", []) if "valueFrom" in one]
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
    assert "authrim-owner" in json.dumps(given["login-authrim-migration"])
    assert "authrim-owner" not in json.dumps(given["login-authrim"])
    assert "authrim-database" not in json.dumps(given["login-authrim-migration"])


def test_each_secret_is_a_file_that_a_setting_names(helm: str, reader: str) -> None:
    """A227: every setting that holds a secret comes from the key of a Secret, as a file of the servers and of the
    background work."""
    given = pods(rendered(helm, reader, "--values", str(_HERE / "values.yaml")))
    for name in ("login-authrim", "login-authrim-background"):
        pod = given[name]["spec"]
        (container,) = pod["containers"]
        files = {one["name"]: one["value"] for one in container["env"] if one["name"].endswith("_FILE")}
        (secret,) = [one["projected"] for one in pod["volumes"] if one["name"] == "secrets"]
        there = {
            item["path"]: (source["secret"]["name"], item["key"])
            for source in secret["sources"]
            for item in source["secret"]["items"]
        }
        (mount,) = [one["mountPath"] for one in container["volumeMounts"] if one["name"] == "secrets"]
        for setting in SECRET_FILES.values():
            file = files[f"AUTHRIM_{setting.upper()}"]
            assert file.removeprefix(f"{mount}/") in there, (name, setting)
        assert there["database-replica"] == ("authrim-database", "standby")
        assert there["pkcs11_pin"] == ("authrim-further", "pin")


def test_the_policy_lets_out_what_is_needed(helm: str, reader: str) -> None:
    """A112, A312: names, the database and the internet; no private network, unless it is named. The release's own test
    may ask the service."""
    objects = rendered(helm, reader, "--values", str(_HERE / "values.yaml"))
    policy = objects["NetworkPolicy", "login-authrim"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    names, database, internet, more = policy["egress"]
    assert {(one["port"], one["protocol"]) for one in names["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert [one["port"] for one in database["ports"]] == [5432, 6432]
    assert database["to"] == [{"ipBlock": {"cidr": "10.1.2.3/32"}}]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(internet["to"][0]["ipBlock"]["except"])
    assert more["ports"] == [{"port": 587}]
    for way_in in policy["ingress"]:
        asks = [one.get("podSelector", {}).get("matchLabels", {}) for one in way_in["from"]]
        tested = "test" in [labels.get("app.kubernetes.io/component") for labels in asks]
        assert tested == (way_in["ports"][0]["port"] == "http"), "`helm test` asks the service"
    chosen = policy["podSelector"]["matchExpressions"][0]["values"]
    for name, pod in pods(objects).items():
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        assert (component in chosen) == (component != "test"), name


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("issuer=http://login.example.com", "issuer"),
        ("issuer=https://Login.example.com", "issuer"),
        ("issuer=https://login.example.com/", "issuer"),
        ("nameOverride=Login", "nameOverride"),
        ("fullnameOverride=log_in", "fullnameOverride"),
        ("image.tag=a b", "tag"),
        ("metrics.serviceMonitor.enabled=true", "set metrics.enabled"),
        ("autoscaling.enabled=true,autoscaling.minReplicas=9", "autoscaling.maxReplicas"),
        ("settings.acces_token_lifetime=300", "acces_token_lifetime"),
        ("settings.access_token_lifetime=5", "access_token_lifetime"),
        ("settings.master_keys={secret}", "master_keys"),
        ("settings.database=postgresql://u:p@h/d", "database"),
        ("settings.database_replica_file=/etc/replica", "database_replica_file"),
        ("secrets.keys.acces_token=key", "acces_token"),
        ("secrets.keys.pkcs11_pin=pin", "secrets.existingSecret"),
        ("replicas=3", "replicas"),
        ("image.digest=latest", "digest"),
    ],
)
def test_a_wrong_value_is_refused(helm: str, option: str, told: str) -> None:
    """Misspelled and forbidden values, and those that the server or Kubernetes would refuse later, end the command
    before anything is installed, and are named."""
    assert told in refused(helm, *required(), "--set", option)


@pytest.mark.parametrize("name", REQUIRED)
def test_what_is_required_is_asked_for(helm: str, name: str) -> None:
    """Without it helm names it."""
    options = required(**{name.replace(".", "__"): ""})
    assert name.rpartition(".")[2] in refused(helm, *options)
