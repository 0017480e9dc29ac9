"""Variables that a container platform makes, and nobody writes: Kubernetes gives every container some for each service,
and those of a service called ``authrim`` begin as our settings do (``AUTHRIM_PORT=tcp://10.0.0.1:8080``).

They are known by name and value together. A value that a person may have meant as a setting stays an error.
"""

import re
from collections.abc import Mapping
from typing import Final

_ADDRESS: Final = r"(\d{1,3}(\.\d{1,3}){3}|\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]+\]?)"
_NUMBER: Final = r"\d{1,5}"
_URL: Final = rf"(tcp|udp|sctp)://{_ADDRESS}:{_NUMBER}"

#: The end of a name, and the value that belongs to it.
_MADE: Final = tuple(
    (re.compile(name), re.compile(value))
    for name, value in (
        (r".*_SERVICE_HOST", _ADDRESS),
        (r".*_SERVICE_PORT(_[A-Z0-9_]+)?", _NUMBER),
        (r".*_PORT", _URL),
        (r".*_PORT_\d+_(TCP|UDP|SCTP)", _URL),
        (r".*_PORT_\d+_(TCP|UDP|SCTP)_PROTO", "tcp|udp|sctp"),
        (r".*_PORT_\d+_(TCP|UDP|SCTP)_PORT", _NUMBER),
        (r".*_PORT_\d+_(TCP|UDP|SCTP)_ADDR", _ADDRESS),
    )
)


def made_by_a_platform(environment: Mapping[str, str], prefix: str) -> frozenset[str]:
    """The names of those variables with our prefix that a container platform has made."""
    return frozenset(
        variable
        for variable, value in environment.items()
        if variable.startswith(prefix)
        and any(name.fullmatch(variable) and written.fullmatch(value) for name, written in _MADE)
    )
