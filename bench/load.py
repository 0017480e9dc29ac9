"""What wrk is to send."""

from collections.abc import Mapping
from typing import NamedTuple


class Load(NamedTuple):
    """A URL, the Lua script that makes the requests, and what the script reads from its environment."""

    url: str
    script: str
    environment: Mapping[str, str]
