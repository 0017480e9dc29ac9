"""``authrim doctor`` and a token that does not sign."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from authrim.server.wired_core import make_core
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.doctor.examinations import findings, settings_at
from tests.operations.pkcs11.soft_token import LABEL, PIN, SoftToken

pytestmark = pytest.mark.operations


async def test_a_token_that_does_not_sign(token: SoftToken, tmp_path: Path) -> None:
    """F29: the doctor lets each key sign; a token that is gone is found, and one that the settings do not name. Its PIN
    is told nowhere."""
    place = tmp_path / "authrim.db"
    migrate_sqlite(place)
    settings = settings_at(
        place,
        pkcs11_module=token.client,
        pkcs11_token=LABEL,
        pkcs11_pin=SecretStr(PIN),
        encryption_algorithms=(),
    )
    store = SQLiteStore(place)
    await store.open()
    core = await make_core(settings, store)
    await core.egress.close()
    await store.close()
    asked = ("settings", "database", "keys")
    assert await findings(settings, *asked) == {}
    token.kill()
    found = await findings(settings, *asked)
    token.start()
    assert list(found) == ["keys.token"]
    assert "pkcs11_module" in found["keys.token"].fix
    assert PIN not in str(found)
    unnamed = {"pkcs11_module": None, "pkcs11_token": None, "pkcs11_pin": None}
    found = await findings(settings.model_copy(update=unnamed), *asked)
    assert list(found) == ["keys.token"]
    assert LABEL in str(found)
