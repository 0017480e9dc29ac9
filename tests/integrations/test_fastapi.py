"""FastAPI with PyJWT, as ``docs/connect/fastapi.md`` has it, and with joserfc."""

import pytest

from tests.integrations.api_callers import assert_only_its_callers_are_let_in
from tests.integrations.applications import Place, running_application
from tests.integrations.installing import python_environment
from tests.integrations.provider import Provider


@pytest.mark.parametrize("product", ["fastapi", "fastapi-joserfc"])
def test_only_callers_of_the_api_are_let_in(provider: Provider, place: Place, product: str) -> None:
    """Issuer, audience, signature, type and scope of an access token count."""
    client = provider.client(product, place.url)
    client.write(place.folder, "main.py")
    uvicorn = python_environment("python") / "uvicorn"
    with running_application(place, uvicorn, "main:app", "--host", "localhost", "--port", str(place.port)):
        assert_only_its_callers_are_let_in(provider, product, client, place.url)
