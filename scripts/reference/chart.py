"""``settings`` and ``secrets.keys`` in ``deploy/helm/authrim/values.schema.json``: every setting that may be a value of
the chart, and every secret that the chart has no value of its own for.

The rest of that file is written by hand. helm reads it, and refuses a misspelled setting before anything is installed.
"""

import json
from pathlib import Path
from typing import Any, Final

from authrim.settings.model import Settings
from authrim.settings.secret_files import SECRET_FILES

FILE: Final = Path("deploy/helm/authrim/values.schema.json")

#: What the chart decides itself.
DECIDED: Final = {
    *SECRET_FILES.values(),
    "background",
    "database_pooled",
    "development",
    "host",
    "issuer",
    "listen_socket",
    "metrics_listen",
    "port",
    "tls_certificate",
    "tls_key",
    "workers",
}
#: Secrets that have a value of their own: `masterKey` and `database`.
NAMED: Final = {"master_keys", "next_master_key", "database", "database_listen", "database_replica"}
#: The key of a secret in a Secret.
_KEY: Final = {"type": "string", "pattern": "^[-._a-zA-Z0-9]+$", "maxLength": 253}
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
    further = dict.fromkeys(sorted(SECRET_FILES.keys() - NAMED), _KEY)
    written["properties"]["secrets"]["properties"]["keys"]["properties"] = further
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
