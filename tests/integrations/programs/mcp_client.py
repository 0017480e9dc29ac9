"""An MCP client as people run it: it prints the address to open, waits for the browser, and calls the tool ``who``.

Arguments: the MCP server's address, the port of the redirect URI, and the client id, unless it registers itself.
"""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.oauth2 import AuthorizationCodeResult
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata

URL, PORT, *CLIENT_ID = sys.argv[1:]
REDIRECT_URI = f"http://127.0.0.1:{PORT}/callback"


class Memory:
    """Tokens for this run, and the client: that of an administrator, or none until it registered itself."""

    tokens: Any = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        assert not CLIENT_ID, "the client is known"
        self.client = client_info


async def main() -> None:
    """Call the tool as the person in the browser."""
    returned: asyncio.Future[AuthorizationCodeResult] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readline()).split()[1].decode()
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        if "code" in query and not returned.done():
            returned.set_result(
                AuthorizationCodeResult(code=query["code"], state=query["state"], iss=query.get("iss"))
            )
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone")
        await writer.drain()
        writer.close()

    async def show(address: str) -> None:
        print(json.dumps({"open": address}), flush=True)

    async def callback() -> AuthorizationCodeResult:
        return await returned

    await asyncio.start_server(answer, "127.0.0.1", int(PORT))
    described: dict[str, Any] = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}
    memory = Memory()
    if CLIENT_ID:
        memory.client = OAuthClientInformationFull(client_id=CLIENT_ID[0], **described)
    metadata = OAuthClientMetadata(client_name="MCP client", **described)
    auth = OAuthClientProvider(URL, metadata, memory, redirect_handler=show, callback_handler=callback)
    async with (
        httpx2.AsyncClient(auth=auth, timeout=60) as http,
        Client(streamable_http_client(URL, http_client=http)) as client,
    ):
        result = await client.call_tool("who", {})
        print(json.dumps({"who": result.content[0].text}), flush=True)


asyncio.run(main())
