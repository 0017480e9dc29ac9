"""The whole of ``compose.yaml`` on this machine, with images of Debian packages in place of those of a registry."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import requests
from cryptography import x509

from tests.operations.containers.engine import ROOT, Engine
from tests.support import certificates
from tests.support.installing import python_environment, run
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import wait_until

_IMAGES: Final = Path(__file__).parent / "images"
_SOFTWARE: Final = Path(__file__).parents[1] / "software"
PROJECT: Final = "authrim-test"
#: For one command of the tool, which may wait without an end.
_SECONDS: Final = 5 * PATIENCE
#: Grafana is in no registry of packages.
SERVICES: Final = ("database", "authrim-1", "authrim-2", "proxy", "prometheus")


class Stack:
    """The running services, as an operator sees them."""

    def __init__(self, engine: Engine, image: str, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._compose = str(python_environment(_SOFTWARE / "compose.txt") / "podman-compose")
        port, self.prometheus = free_port(), free_port()
        self.issuer = f"https://localhost:{port}"
        self.authority = folder / "authority.pem"
        self.settings = folder / "deploy" / "compose" / "authrim.toml"
        self._environment = engine.environment | {
            "AUTHRIM_IMAGE": image,
            "AUTHRIM_ISSUER": self.issuer,
            "AUTHRIM_HTTPS_PORT": f"127.0.0.1:{port}",
            "AUTHRIM_HTTP_PORT": f"127.0.0.1:{free_port()}",
            "PROMETHEUS_PORT": str(self.prometheus),
            **_service_images(engine),
        }

    def compose(self, *arguments: str) -> str:
        """Run the command on the file."""
        command = (self._compose, "--project-name", PROJECT, *arguments)
        return run(*command, folder=self._folder, environment=self._environment, seconds=_SECONDS)

    def start_all(self) -> None:
        """In the order that the page gives for podman."""
        up = ("up", "--detach", "--no-deps")
        self.compose(*up, "database")
        wait_until(lambda: self._engine.status("healthcheck", "run", self.container("database"))[0] == 0)
        self.compose("run", "--rm", "--no-deps", "migrate")
        self.compose(*up, *SERVICES)

    def remove(self) -> None:
        """Take all of it away, with its data."""
        self.compose("down", "--volumes", "--timeout", "0")

    def prepare(self) -> None:
        """What the page says that an operator does first: the secrets, and a certificate of the public name."""
        shutil.copy(ROOT / "compose.yaml", self._folder)
        for part in ("compose", "prometheus", "grafana"):
            shutil.copytree(ROOT / "deploy" / part, self._folder / "deploy" / part)
        secrets = self._folder / "deploy" / "compose" / "secrets"
        run(str(self._folder / "deploy" / "compose" / "make-secrets"))
        authority = certificates.Authority(path_length=0)
        self.authority.write_text(certificates.pem(authority.certificate))
        issued = authority.issue("localhost", [x509.DNSName("localhost")], usage=certificates.SERVER_AUTH)
        (secrets / "tls").write_text(issued.chain_pem() + issued.key_pem())
        # A script consents faster than a person can read.
        with self.settings.open("a") as settings:
            settings.write("consent_pause = 0\n")

    def container(self, service: str) -> str:
        """The name of the container of a service."""
        label = f"label=com.docker.compose.service={service}"
        named = ("--filter", label, "--filter", f"label=com.docker.compose.project={PROJECT}")
        (name,) = self._engine.podman("ps", "--all", *named, "--format", "{{.Names}}").split()
        return name

    def address(self, service: str, network: str) -> str:
        """The address of a service in one of the networks."""
        networks = self._engine.inspect(self.container(service))["NetworkSettings"]["Networks"]
        address: str = networks[f"{PROJECT}_{network}"]["IPAddress"]
        return address

    def stop(self, service: str) -> None:
        """Stop one as ``docker compose stop`` does."""
        self._engine.podman("stop", "--time", str(int(PATIENCE)), self.container(service))

    def start(self, service: str) -> None:
        self._engine.podman("start", self.container(service))

    def is_ready(self, service: str) -> bool:
        """Whether the server says so itself."""
        return self._engine.status("exec", self.container(service), "authrim", "health")[0] == 0

    def authrim(self, *arguments: str, stdin: str = "") -> dict[str, Any]:
        """A command in the container of a server; what it prints."""
        command = (
            "podman",
            "exec",
            "--interactive",
            self.container("authrim-1"),
            "authrim",
            "--json",
            *arguments,
        )
        ran = subprocess.run(
            command,
            env=os.environ | self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        printed: dict[str, Any] = json.loads(ran.stdout)
        return printed

    def ask(self, method: str, path: str, **given: Any) -> requests.Response | None:
        """An answer through the proxy; None where there was none."""
        try:
            return requests.request(
                method, self.issuer + path, verify=str(self.authority), timeout=PATIENCE, **given
            )
        except requests.RequestException:
            return None

    def status(self, method: str, path: str, **given: Any) -> int:
        """The status of such an answer; 0 where there was none."""
        answer = self.ask(method, path, **given)
        return 0 if answer is None else answer.status_code

    def logs(self) -> str:
        """What all of them said."""
        told = [(one, self._engine.status("logs", self.container(one))[1]) for one in SERVICES]
        return "\n".join(f"--- {name}\n{text[-3000:]}" for name, text in told)


def _service_images(engine: Engine) -> dict[str, str]:
    base = engine.debian_image(
        "debian-services", "minbase", "postgresql-15", "haproxy", "prometheus", "python3"
    )
    made = {}
    for name in ("postgres", "haproxy", "prometheus"):
        options = ("--file", str(_IMAGES / f"{name}.containerfile"), "--build-arg", f"BASE={base}")
        made[f"{name.upper()}_IMAGE"] = engine.build(
            f"localhost/authrim-test-{name}", *options, folder=_IMAGES
        )
    return made


@contextmanager
def running_stack(engine: Engine, image: str, folder: Path) -> Iterator[Stack]:
    """Everything, from nothing, until the block ends."""
    stack = Stack(engine, image, folder)
    stack.prepare()
    # A run that was killed leaves a database with other passwords.
    stack.remove()
    try:
        try:
            stack.start_all()
            wait_until(lambda: stack.status("GET", "/.well-known/openid-configuration") == 200, 3 * PATIENCE)
        except (AssertionError, subprocess.TimeoutExpired) as failure:
            raise AssertionError(f"{failure}\n{stack.logs()}") from None
        yield stack
    finally:
        stack.remove()
