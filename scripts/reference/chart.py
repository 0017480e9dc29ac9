"""``settings`` in ``deploy/helm/authrim/values.schema.json``: every setting that may be a value of the chart.

The rest of that file is written by hand. helm reads it, and refuses a misspelled setting before anything is installed.
"""

import json
from pathlib import Path
from typing import Any, Final

from authrim.settings.model import Settings

FILE: Final = Path("deploy/helm/authrim/values.schema.json")

#: What the chart decides itself.
DECIDED: Final = {
    "background",
    "database_file",
    "database_listen_file",
    "database_pooled",
    "development",
    "host",
    "issuer",
    "listen_socket",
    "master_key_file",
    "metrics_listen",
    "next_master_key_file",
    "port",
    "tls_certificate",
    "tls_key",
    "workers",
}
#: What pydantic says beside the kind of a value. A default here would be one that helm does not apply.
_LEFT_OUT: Final = {"default", "format", "title"}


def schema() -> str:
    """The whole text of the file."""
    written: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    declared: dict[str, Any] = Settings.model_json_schema()["properties"]
    written["properties"]["settings"]["properties"] = {
        key: _without_remarks(value)
        for key, value in sorted(declared.items())
        if key not in DECIDED and not _is_secret(value)
    }
    return json.dumps(written, indent=2, ensure_ascii=False) + "\n"


def _is_secret(value: dict[str, Any]) -> bool:
    """Whether any part of it is a secret: the chart has those by reference alone."""
    return '"writeOnly": true' in json.dumps(value)


def _without_remarks(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_remarks(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_remarks(item) for key, item in value.items() if key not in _LEFT_OUT}
