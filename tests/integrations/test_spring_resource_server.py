"""A Spring Boot API, as ``docs/connect/spring-resource-server.md`` has it."""

import pytest

from tests.integrations.api_callers import assert_only_its_callers_are_let_in
from tests.integrations.applications import Place
from tests.integrations.provider import Provider
from tests.integrations.spring_application import SPRING_BOOT, running_spring

pytestmark = [pytest.mark.integrations, pytest.mark.parametrize("version", SPRING_BOOT)]


def test_only_callers_of_the_api_are_let_in(provider: Provider, place: Place, version: str) -> None:
    """Issuer, audience, signature, type and scope of an access token count."""
    client = provider.client("spring-resource-server", place.url)
    with running_spring(place, client, version, "src/main/resources/application.yml"):
        assert_only_its_callers_are_let_in(provider, "spring-resource-server", client, place.url)
