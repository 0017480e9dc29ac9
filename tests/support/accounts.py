"""People of a running server, and what an administrator does to them."""

from authrim.crypto.passwords import Passwords
from authrim.people import accounts
from authrim.people.new_account import AccountRequest, AccountStore
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.ready_made import CHEAP
from tests.support.running import RunningServer


async def add_account(server: RunningServer, login: str) -> str:
    """One more person, with the same password as the first; the subject."""
    passwords, core = Passwords(cost=CHEAP), server.core
    created = await accounts.create_account(
        AccountStore(core.store, core.private, core.master, passwords, DEFAULT_TENANT),
        AccountRequest(login, server.password, {}),
    )
    passwords.close()
    assert not isinstance(created, Refusal), created.error_description
    return created.subject


async def change_password(server: RunningServer, password: str) -> None:
    """Give the first person another password."""
    passwords, core = Passwords(cost=CHEAP), server.core
    changed = await accounts.set_password(
        AccountStore(core.store, core.private, core.master, passwords, DEFAULT_TENANT),
        server.subject,
        password,
    )
    passwords.close()
    assert not isinstance(changed, Refusal), changed.error_description
