"""The container image: what is in it, and a server in it that has nothing it does not need."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import requests

from tests.operations.containers.engine import Engine
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import answers, wait_until

pytestmark = pytest.mark.operations

USER: Final = 65532
#: A kernel without IPv6, for the processes of one container.
WITHOUT_IPV6: Final = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 97,  # EAFNOSUPPORT
            "args": [{"index": 0, "value": 10, "op": "SCMP_CMP_EQ"}],  # AF_INET6
        }
    ],
}
METRICS: Final = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:9464/metrics").status)
"""
#: Looks around in the image as its user: programs that must not be there, files that can be written, bits that give
#: rights.
LOOK: Final = """
import json, os, shutil, stat
programs = "sh bash dash busybox pip pip3 apt-get perl gcc curl wget su sudo mount".split()
skipped = {"/proc", "/sys", "/dev", "/var/lib/authrim"}
writable, privileged = [], []
for folder, names, files in os.walk("/"):
    names[:] = [name for name in names if os.path.join(folder, name) not in skipped]
    for path in [folder, *(os.path.join(folder, file) for file in files)]:
        if os.path.islink(path):
            continue
        if os.access(path, os.W_OK):
            writable.append(path)
        if os.lstat(path).st_mode & (stat.S_ISUID | stat.S_ISGID) and os.path.isfile(path):
            privileged.append(path)
print(json.dumps({"user": [os.getuid(), os.getgid()], "writable": writable, "privileged": privileged,
    "programs": [name for name in programs if shutil.which(name)]}))
"""


@contextmanager
def server(engine: Engine, image: str, master_key: Path, *options: str) -> Iterator[tuple[str, str]]:
    """A server with an embedded database on a volume, and its address on this machine. It may write nowhere else, and
    has no capability."""
    port, volume = free_port(), "authrim-test-data"
    given = (
        *(
            "--read-only",
            "--read-only-tmpfs=false",
            "--cap-drop",
            "all",
            "--security-opt",
            "no-new-privileges",
        ),
        *("--volume", f"{volume}:/var/lib/authrim", "--volume", f"{master_key}:/run/secrets/master_key:ro"),
        *("--env", "AUTHRIM_MASTER_KEY_FILE=/run/secrets/master_key"),
        *("--env", "AUTHRIM_ISSUER=https://login.example.com", "--env", "AUTHRIM_DATABASE=authrim.db"),
    )
    engine.status("volume", "rm", "--force", volume)
    try:
        engine.podman("run", "--rm", *given, image, "migrate")
        with engine.running(
            "authrim-test", *given, *options, "--publish", f"127.0.0.1:{port}:8080", image
        ) as name:
            yield name, f"http://127.0.0.1:{port}"
    finally:
        engine.status("volume", "rm", "--force", volume)


def wait_for(engine: Engine, name: str, url: str) -> None:
    """Wait until the server answers; if it ends before, fail with what it said."""

    def is_up() -> bool:
        assert engine.inspect(name)["State"]["Running"], engine.status("logs", name)[1]
        return answers(f"{url}/health/ready")

    wait_until(is_up)


def test_the_image_has_a_server_and_nothing_else(engine: Engine, image: str) -> None:
    """A312: no shell, no tool that an intruder would use, no file that its user can change, none that gives rights."""
    config = engine.inspect(image)["Config"]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"] == ["/opt/authrim/bin/authrim"]
    assert config["Cmd"] == ["serve"]
    assert config["StopSignal"] == "SIGTERM"
    assert engine.inspect(image)["Healthcheck"]["Test"] == [
        "CMD",
        "/opt/authrim/bin/authrim",
        "health",
        "--live",
    ]
    assert not [line for line in config["Env"] if "KEY" in line or "PASSWORD" in line]
    python = ("run", "--rm", "--network", "none", "--entrypoint", "/opt/authrim/bin/python")
    seen = json.loads(engine.podman(*python, "--read-only-tmpfs=false", "--read-only", image, "-c", LOOK))
    assert seen == {"user": [USER, USER], "programs": [], "writable": [], "privileged": []}


def test_a_server_runs_with_a_root_that_it_cannot_write(engine: Engine, image: str, master_key: Path) -> None:
    """It answers, its own check says so, a reload is heard, and SIGTERM ends it at once with status 0 (F33)."""
    with server(engine, image, master_key) as (name, url):
        wait_for(engine, name, url)
        discovery = requests.get(f"{url}/.well-known/openid-configuration", timeout=PATIENCE).json()
        assert discovery["issuer"] == "https://login.example.com"
        robot = ("--type", "service", "--client-id", "robot", "--scope", "reports.read")
        created = engine.podman("exec", name, "authrim", "--json", "client", "create", *robot)
        secret = json.loads(created)["client_secret"]
        form = {"grant_type": "client_credentials"}
        answer = requests.post(f"{url}/token", data=form, auth=("robot", secret), timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        status, said = engine.status("healthcheck", "run", name)
        assert status == 0, said
        engine.podman("kill", "--signal", "HUP", name)
        wait_until(lambda: "tls.reloaded" in [line["event"] for line in engine.logs(name)])
        engine.podman("stop", "--time", str(int(PATIENCE)), name)
        assert engine.inspect(name)["State"]["ExitCode"] == 0
        assert engine.logs(name)[-1]["event"] == "server.stopping"


def test_a_server_that_hangs_fails_its_check(engine: Engine, image: str, master_key: Path) -> None:
    """The check asks the process itself: one that is stopped does not answer, and when it goes on it does."""
    with server(engine, image, master_key) as (name, url):
        wait_for(engine, name, url)
        engine.podman("kill", "--signal", "STOP", name)
        status, said = engine.status("healthcheck", "run", name)
        assert status == 1, said
        engine.podman("kill", "--signal", "CONT", name)
        wait_until(lambda: engine.status("healthcheck", "run", name)[0] == 0)


def test_a_server_starts_where_the_kernel_has_no_ipv6(
    engine: Engine, image: str, master_key: Path, tmp_path: Path
) -> None:
    """``::`` means every address of this machine, and where IPv6 is switched off that is every one of IPv4. So it is
    for the page of metrics."""
    profile = tmp_path / "without-ipv6.json"
    profile.write_text(json.dumps(WITHOUT_IPV6))
    options = ("--security-opt", f"seccomp={profile}", "--env", "AUTHRIM_METRICS_LISTEN=[::]:9464")
    with server(engine, image, master_key, *options) as (name, url):
        wait_for(engine, name, url)
        assert engine.podman("exec", name, "/opt/authrim/bin/python", "-c", METRICS) == "200\n"
