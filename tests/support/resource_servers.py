"""Resource servers of the tests: registered as an administrator does it, and what they do with a token."""

from typing import Any

from joserfc import jwe
from joserfc.jwk import ECKey

from authrim.tokens.resource_servers import create_resource, retire_resource, update_resource
from domain.errors import Refusal
from domain.resource.resource import Resource, ResourceSettings
from domain.stream import DEFAULT_TENANT
from tests.support.running import KnownClient, RunningServer

API = "https://api.example/"
FILES = "https://files.example/"


async def resource_server(server: RunningServer, uri: str = API, **settings: Any) -> Resource:
    """Register a resource server."""
    core = server.core
    created = await create_resource(
        core.store, DEFAULT_TENANT, uri, ResourceSettings(**settings), core.settings
    )
    assert not isinstance(created, Refusal), created.error_description
    await core.configuration.catch_up()
    return created


async def changed(server: RunningServer, uri: str = API, **settings: Any) -> None:
    """Change its settings."""
    core = server.core
    updated = await update_resource(core.store, DEFAULT_TENANT, uri, settings, core.settings)
    assert not isinstance(updated, Refusal), updated.error_description
    await core.configuration.catch_up()


async def retired(server: RunningServer, uri: str = API) -> None:
    """Retire it."""
    core = server.core
    assert not isinstance(await retire_resource(core.store, DEFAULT_TENANT, uri, "test"), Refusal)
    await core.configuration.catch_up()


async def service_token(server: RunningServer, client: KnownClient, **form: Any) -> dict[str, Any]:
    """A token of the client itself."""
    status, answer = await server.post("/token", {"grant_type": "client_credentials", **form}, client.basic)
    assert status == 200, answer
    return answer


def encryption_key() -> ECKey:
    """A key of a resource server that others encrypt to."""
    return ECKey.generate_key("P-256", {"use": "enc", "kid": "rs-1"})


def decrypted(token: str, key: ECKey) -> str:
    """The signed token inside."""
    plaintext = jwe.decrypt_compact(token, key, algorithms=["ECDH-ES", "A128CBC-HS256", "A256GCM"]).plaintext
    assert plaintext is not None
    return plaintext.decode()
