"""Records the settings that matter for security when a process of the server starts with others than before (A265).

Whatever is not named here is recorded with its value, so a new setting is too. A secret is recorded as a keyed hash: it
says that the value is another one, and nothing of the value (A266).
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import SecretStr

from authrim.core.execute import Outcome, carry_out, outcome_of
from authrim.crypto import base64url
from authrim.crypto.keyed_hash import keyed_hash
from authrim.crypto.master import MasterKeys
from authrim.settings import Settings
from authrim.settings.secret_files import SECRET_FILES
from authrim.store import codec
from authrim.store.contract import Store, StreamRead, Unavailable
from domain.errors import Refusal
from domain.event import Event
from domain.setting.settings import HIDDEN, RecordedSettings, decide_start, fold
from domain.stream import SETTING, setting_stream
from domain.units import MICROSECONDS

log = structlog.get_logger(__name__)

#: Where this one process runs and what it writes to, and how much it takes at once. Other processes of the same server
#: may have other values.
NOT_RECORDED: Final = frozenset(
    {
        "acme_account_key", "acme_http_port", "append_queue_limit", "append_wait_seconds",
        "background", "database", "database_listen", "database_pooled", "database_replica", "database_replica_lag",
        "default_locale", "host", "listen_socket", "log_format", "log_level", "log_sample", "mtls_port",
        "next_master_key", "pkcs11_pin", "password_queue_limit", "password_workers", "port", "tls_key", "workers",
        *SECRET_FILES.values(),
    }
)  # fmt: skip
#: Whether they are set matters, what is in them is renewed all the time.
_WHETHER_SET: Final = frozenset(
    {
        "checkpoint_state_file",
        "pkcs11_module",
        "tls_certificate",
        "tls_client_crls",
        "processing_file",
        "siem_file",
        "siem_client_certificate",
    }
)
#: Files that say whom the server trusts. There is no secret in them, so their digest is one that everybody can compute.
_PUBLIC_FILES: Final = frozenset(
    {
        "acme_ca_file",
        "client_attesters",
        "egress_ca_file",
        "siem_ca_file",
        "software_statement_issuers",
        "tls_client_anchors",
    }
)
_UNREADABLE: Final = "unreadable"
_PURPOSE: Final = "recorded setting"


async def record_settings(store: Store, settings: Settings, master: MasterKeys, tenant: str) -> None:
    """Append what differs from the settings that were recorded last, if anything does.

    Of several processes that start at once with the same settings, one appends: the others decide again and find
    nothing that differs. Raises Unavailable when it cannot be recorded; then the process must not serve.
    """
    started_with = settings_for_the_log(settings, master)
    differ: list[str] = []

    stream = setting_stream(tenant)

    async def attempt() -> Outcome[RecordedSettings]:
        read = await store.read_stream(stream)
        recorded = fold(_readable(read))
        differ[:] = _names_that_differ(recorded, started_with)
        decision = decide_start(recorded, started_with, read.now // MICROSECONDS)
        return outcome_of(stream, recorded, read.version, decision)

    answer = await carry_out(store, tenant, attempt, "system")
    if isinstance(answer, Refusal):
        raise Unavailable("the settings could not be recorded: other processes keep recording theirs")
    if differ:
        log.debug("settings.changed", names=differ)


def _readable(read: StreamRead) -> Iterator[Event]:
    """The events that this version can read. Those of a newer one must not keep an older one from starting after it was
    taken back."""
    for tag, payload in read.payloads:
        try:
            yield codec.decode(SETTING, tag, payload)
        except codec.UnreadableEvent:
            log.warning("settings.unreadable", type=tag)


def settings_for_the_log(settings: Settings, master: MasterKeys) -> dict[str, Any]:
    """The settings that are recorded, by name, as JSON values."""
    names = [name for name in type(settings).model_fields if name not in NOT_RECORDED]
    plain = settings.model_dump(mode="json", include=set(names))
    return {name: _recorded(name, getattr(settings, name), plain[name], master) for name in names}


def _recorded(name: str, value: Any, plain: Any, master: MasterKeys) -> Any:
    if name == "master_keys":
        return list(master.key_ids)
    if name in _WHETHER_SET:
        return value is not None
    match value:
        case SecretStr():
            return _hidden(name, value.get_secret_value().encode(), master)
        case Path():
            return _file(name, value, master)
        case tuple() | list() if any(isinstance(one, SecretStr | Path) for one in value):
            return [_recorded(name, one, shown, master) for one, shown in zip(value, plain, strict=True)]
        case _:
            return plain


def _file(name: str, path: Path, master: MasterKeys) -> str:
    """The digest of a file, not its place, which is another one on each machine."""
    try:
        content = path.read_bytes()
    except OSError:
        return _UNREADABLE
    if name in _PUBLIC_FILES:
        return f"sha256:{hashlib.sha256(content).hexdigest()}"
    return _hidden(name, content, master)


def _hidden(name: str, secret: bytes, master: MasterKeys) -> str:
    """A keyed hash. The oldest master key makes it, which stays when keys are changed."""
    made = keyed_hash(master.derive_lasting(_PURPOSE), name.encode(), secret)
    return f"{HIDDEN}{master.lasting_id(_PURPOSE)}:{base64url.encode(made)}"


def _names_that_differ(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
