"""An MCP server with the Python SDK, as ``docs/connect/mcp.md`` has it, and the SDK's client."""

import json
import subprocess
from pathlib import Path

import pytest
import requests

from tests.integrations.applications import Place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.installing import python_environment
from tests.integrations.provider import Provider
from tests.support.patience import PATIENCE
from tests.support.ports import free_port

pytestmark = pytest.mark.integrations

_CLIENT = Path(__file__).parent / "programs" / "mcp_client.py"


@pytest.mark.parametrize("registers_itself", [False, True])
def test_a_client_finds_the_way_by_itself(
    provider: Provider, browser: Browser, place: Place, registers_itself: bool
) -> None:
    """From the 401 of the MCP server through its metadata, ours and the pages to a tool that knows the person."""
    url = f"{place.url}/mcp"
    client = provider.client("mcp", url)
    client.write(place.folder, "server.py")
    python = python_environment("mcp") / "python"
    with running_application(place, python, "server.py", environment={"PORT": str(place.port)}):
        asked = requests.post(url, json={}, timeout=PATIENCE)
        assert asked.status_code == 401
        assert "resource_metadata" in asked.headers["WWW-Authenticate"]
        known = () if registers_itself else (client.client_id,)
        command = (python, _CLIENT, url, str(free_port()), *known)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            browser.sign_in(browser.open(json.loads(program.stdout.readline())["open"]))
            who = json.loads(program.stdout.readline())["who"]
    subject = provider.command("account", "show", "alice")["subject"]
    assert who == subject
