"""The token of the tests here."""

import os
from collections.abc import Iterator

import pytest

from tests.operations.pkcs11.soft_token import SoftToken, soft_token


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftToken]:
    """One token for all of them: its library reads the address of the token once per process."""
    with soft_token(tmp_path_factory.mktemp("token")) as reachable:
        os.environ["P11_KIT_SERVER_ADDRESS"] = reachable.address
        yield reachable
        del os.environ["P11_KIT_SERVER_ADDRESS"]
