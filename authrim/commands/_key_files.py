"""Files with public keys, as options of commands name them."""

from pathlib import Path
from typing import Any

import click

from authrim.crypto import strict_json


def read_jwks(path: Path) -> dict[str, Any]:
    """A key set in the form of RFC 7517 §5. A syntax error is reported without quoting the file."""
    try:
        jwks = strict_json.loads(path.read_bytes())
    except strict_json.JsonRefused as refused:
        raise click.BadParameter(f"the file is {refused}", param_hint="--jwks") from None
    if not isinstance(jwks, dict):
        raise click.BadParameter('the file is not a key set: {"keys": […]}', param_hint="--jwks")
    return jwks
