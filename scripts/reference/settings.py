"""``docs/settings.md``: every setting, from its declaration."""

from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from authrim.settings import groups
from authrim.settings.kinds import Network, Unit
from authrim.settings.model import Settings
from authrim.settings.reading import ENVIRONMENT_PREFIX

SECTIONS: dict[str, type[BaseModel]] = {
    "Server": groups.Server,
    "TLS": groups.Tls,
    "Certificates by ACME": groups.Acme,
    "Log and database": groups.Log,
    "Checkpoints and witnesses": groups.Transparency,
    "Keys": groups.Keys,
    "Codes and tokens": groups.Tokens,
    "Authorization requests": groups.Requests,
    "Sign-in": groups.SignIn,
    "Passwords": groups.Passwords,
    "People's data": groups.Privacy,
    "Registration": groups.Registration,
    "What the server fetches": groups.Outside,
    "Evidence": groups.Evidence,
    "Compliance reports": groups.Reports,
    "Streams of events": groups.Streams,
    "Records for a SIEM": groups.Siem,
    "Output": groups.Output,
    "Metrics": groups.Metrics,
    "Traces": groups.Traces,
}

_OPENING = f"""# Settings

<!-- Generated from authrim/settings/groups/ by `make docs`. -->

`authrim serve --config FILE` reads a TOML file with these keys, all at the top level; without the option, the file that
`{ENVIRONMENT_PREFIX}CONFIG_FILE` names, if any. An environment variable, named
`{ENVIRONMENT_PREFIX}` and the key in capitals (`{ENVIRONMENT_PREFIX}ISSUER`), overrides the file. An option of the
command line overrides both. A list is an array in TOML, and a comma-separated text in the environment.

The smallest file for a server:

```toml
issuer = "https://login.example.com"
database = "postgresql://authrim@db.example.com/authrim"
master_key_file = "/etc/authrim/master.keys"
```

The server does not start with an invalid setting. The message names the file or variable, the key, the problem and
the fix, but never the value.
"""


def page() -> str:
    """The whole text of ``docs/settings.md``."""
    return "\n".join([_OPENING, *(_section(title, group) for title, group in SECTIONS.items())])


def _section(title: str, group: type[BaseModel]) -> str:
    rows = [
        f"| `{key}` | {_kind(field)} | {_default(field)} | {field.description} |"
        for key, field in Settings.model_fields.items()
        if key in group.model_fields
    ]
    heading = ["| key | value | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {title}", "", str(group.__doc__), "", *heading, *rows, ""])


def _kind(field: FieldInfo) -> str:
    """The type of a setting or its unit, and its bounds."""
    unit = next((mark.name for mark in field.metadata if isinstance(mark, Unit)), None)
    return (unit or _type_in_words(field.annotation)) + _bounds(field.metadata)


def _type_in_words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation == Network:
        return "network"
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_type_in_words(arguments[0])}"
    if origin in (Union, UnionType):
        return " or ".join(_type_in_words(argument) for argument in arguments if argument is not type(None))
    if hasattr(annotation, "__metadata__"):
        return _type_in_words(annotation.__origin__)
    return {int: "number", str: "text", bool: "`true` or `false`", Path: "file", SecretStr: "secret text"}[
        annotation
    ]


def _bounds(metadata: Iterable[Any]) -> str:
    marks = list(metadata)
    least = next((mark.ge for mark in marks if hasattr(mark, "ge")), None)
    most = next((mark.le for mark in marks if hasattr(mark, "le")), None)
    return f", {least} to {most}" if least is not None else ""


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value) or "none"
    return "none" if value is None else f"`{value}`"
