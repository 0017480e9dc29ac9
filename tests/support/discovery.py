"""What the server says of itself."""

from typing import Any

from tests.support.running import RunningServer


async def openid_metadata(server: RunningServer) -> dict[str, Any]:
    """The document of OpenID Connect Discovery."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        return dict(await answer.json())
