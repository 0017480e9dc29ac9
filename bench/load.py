"""The load that wrk generates."""

from collections.abc import Mapping
from typing import NamedTuple


class Load(NamedTuple):
    """A URL, the Lua script that generates the requests, and the environment variables of the script."""

    url: str
    script: str
    environment: Mapping[str, str]
