"""The settings of ``authrim dev``: its own defaults, below what ``--config``, the environment and its options say."""

from pathlib import Path
from typing import Any, Final

import click
from pydantic import SecretStr

from authrim.commands._common import UnusableSettings
from authrim.commands.dev_workplace import DATABASE, WORKPLACE, Workplace
from authrim.settings import BadSettings, Settings, configured, load

DEFAULT_PORT: Final = 8080
#: Where the applications of a development server are: their logout receivers, key sets and metadata documents.
LOOPBACK_DESTINATIONS: Final = ("localhost", "127.0.0.0/8", "::1/128")


def dev_settings(
    context: click.Context, data: Path, workplace: Workplace, port: int | None, tls: dict[str, Any],
    *, as_json: bool,
) -> Settings:  # fmt: skip
    """Read the settings. ``port`` is that of the command line; ``tls`` are the settings of ``--mtls-port``.

    Raises UnusableSettings, also for another database or master key than those of the workplace: what a development
    server writes, its example account first, must not end up in the log of a real one.
    """
    config = context.find_root().params.get("config")
    try:
        given = configured(config)
        overrides = tls if port is None else {"port": port, **tls}
        defaults = _defaults(data, workplace, port or given.get("port", DEFAULT_PORT))
        defaults["log_format"] = "json" if as_json else "pretty"
        settings = load(config, overrides, defaults)
    except BadSettings as error:
        raise UnusableSettings(str(error)) from None
    if not settings.development:
        raise UnusableSettings(
            "development: is false, but this is authrim dev: remove it, or use authrim serve"
        )
    if settings.database.get_secret_value() != _own_database(data):
        raise UnusableSettings(
            f"database: authrim dev has its own database in {data}: remove the setting, or use authrim serve"
        )
    if settings.master_key_texts != (workplace.master_key,):
        raise UnusableSettings(
            f"{settings.master_keys_place}: authrim dev has its own master key in {data / WORKPLACE}: "
            "remove the setting, or use authrim serve"
        )
    if settings.master_keys_place == "master_keys":
        settings.read_from(str(data / WORKPLACE), settings.passed_over)
    return _with_loopback(settings)


def _defaults(data: Path, workplace: Workplace, port: int | str) -> dict[str, Any]:
    return {
        "issuer": f"http://localhost:{port}",
        "development": True,
        "host": "localhost",
        "port": DEFAULT_PORT,
        "database": SecretStr(_own_database(data)),
        "master_keys": (SecretStr(workplace.master_key),),
        "signing_algorithms": ("ES256", "RS256", "PS256", "EdDSA"),
        "authorize_requests_per_minute": 100_000,
        "registration": "open",
        "registrations_per_minute": 100_000,
        "registrations_per_hour": 1_000_000,
    }


def _own_database(data: Path) -> str:
    return str((data / DATABASE).absolute())


def _with_loopback(settings: Settings) -> Settings:
    """The settings with this machine among the permitted destinations, whatever else ``egress_allow`` names."""
    allowed = tuple(dict.fromkeys((*settings.egress_allow, *LOOPBACK_DESTINATIONS)))
    return settings.model_copy(update={"egress_allow": allowed})
