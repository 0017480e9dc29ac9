"""What the tests of a rotation of the master key share: the keys, what the command does, and accounts."""

import secrets
from typing import Any

from authrim.core.master_proof import prove_master_keys
from authrim.core.rotate_master import Rotation, rotate_master_key
from authrim.core.sealed_rows import SUBJECT, PrivateData
from authrim.crypto import sealing
from authrim.crypto.master import MasterKeys
from authrim.people.login_hashes import moving_logins
from authrim.store.read_back import ReadBack
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from projections.rows import Row
from projections.tables import LOGINS, row_key

NEW, NEWER = secrets.token_urlsafe(32), secrets.token_urlsafe(32)


def master_of(*texts: str) -> MasterKeys:
    return MasterKeys.from_settings(texts)


async def rotate(
    store: ReadBack, *texts: str, advance: Any = lambda _: None, stopped: bool = False
) -> Rotation | Refusal:
    """What the command does."""
    master = master_of(*texts)
    await prove_master_keys(store, master)
    logins = moving_logins(store, PrivateData(store, master), master)
    return await rotate_master_key(store, master, [logins], advance, servers_stopped=stopped)


def account_rows(private: PrivateData, master: MasterKeys, name: str) -> tuple[Row, ...]:
    """The rows of an account that a process with these keys makes."""
    claims = (
        Row(
            LOGINS.name,
            "claim",
            {"key": row_key(DEFAULT_TENANT, hashed), "tenant": DEFAULT_TENANT, "subject": name},
        )
        for hashed in sealing.login_hmacs(master, DEFAULT_TENANT, name)
    )
    return (*claims, *private.first_rows(DEFAULT_TENANT, SUBJECT, name, {"login": name.encode()}))
