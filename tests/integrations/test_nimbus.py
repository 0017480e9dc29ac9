"""Java with the Nimbus SDK, as ``docs/connect/nimbus.md`` has it."""

import json
import subprocess

import pytest

from tests.integrations.applications import Place
from tests.integrations.browsing import Browser
from tests.integrations.installing import maven_classes, system_packages
from tests.integrations.provider import Provider, assert_is_alice

pytestmark = pytest.mark.integrations


def test_people_sign_in(provider: Provider, browser: Browser, place: Place) -> None:
    """The program knows name, email and groups, and refreshes."""
    system_packages()
    provider.client("nimbus", place.url).write(place.folder, "pom.xml", "src/main/java/App.java")
    command = ("java", "-cp", maven_classes(place.folder), "App")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdout is not None
        returned = browser.sign_in_for(browser.open(running.stdout.readline().strip()), place.url)
        printed, complaints = running.communicate(returned + "\n")
        assert running.returncode == 0, complaints
    person, lifetime = printed.splitlines()
    assert_is_alice(json.loads(person))
    assert int(lifetime) > 0
