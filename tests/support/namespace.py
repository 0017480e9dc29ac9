"""A network namespace with many addresses of its own, for clients that come from many places."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

_PER_SUBNET = 250


class Namespace(NamedTuple):
    """A namespace, the address by which it reaches this one, and the addresses of its own."""

    name: str
    here: str
    addresses: tuple[str, ...]

    def command(self, command: Sequence[str]) -> list[str]:
        """A command that runs inside."""
        return ["ip", "netns", "exec", self.name, *command]


def why_not() -> str:
    """Why there can be no namespace, or nothing."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    made = subprocess.run(["ip", "netns", "add", _name("probe")], capture_output=True, check=False)
    if made.returncode:
        return "the kernel gives no network namespace"
    _ip("netns", "del", _name("probe"))
    return ""


@contextmanager
def namespace(addresses: int) -> Iterator[Namespace]:
    """A namespace that is connected with this one by a pair of interfaces, and gone afterwards."""
    name, net = _name("ns"), os.getpid() % 200 + 20
    here, there = f"v{name}", f"w{name}"
    own = tuple(f"10.{net}.{1 + n // _PER_SUBNET}.{1 + n % _PER_SUBNET}" for n in range(addresses))
    try:
        _ip("netns", "add", name)
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        _ip("addr", "add", f"10.{net}.0.1/16", "dev", here)
        _ip("link", "set", here, "up")
        commands = "".join(f"addr add {address}/16 dev {there}\n" for address in own)
        commands += f"link set {there} up\nlink set lo up\n"
        subprocess.run(
            ["ip", "-n", name, "-batch", "-"], input=commands.encode(), check=True, capture_output=True
        )
        yield Namespace(name, f"10.{net}.0.1", own)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", here], check=False, capture_output=True)


def _name(kind: str) -> str:
    return f"{kind}{os.getpid()}"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
