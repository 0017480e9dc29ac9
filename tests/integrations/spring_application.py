"""A Spring Boot application with the texts of a recipe, built by Maven."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.integrations.applications import Place, running_application
from tests.integrations.installing import SOFTWARE, run, system_packages
from tests.integrations.provider import Client

#: Both that are kept; each names the versions of everything else.
SPRING_BOOT = ("3.5.7", "4.0.7")
_MAIN = "src/main/java/com/example/Application.java"


@contextmanager
def running_spring(place: Place, client: Client, version: str, *files: str) -> Iterator[None]:
    """The application, until the block ends. ``files``: other texts of the recipe."""
    system_packages()
    pom = (SOFTWARE / "spring" / "pom.xml").read_text()
    pom = pom.replace("SPRING_BOOT", version).replace("DEPENDENCIES", client.text("pom.xml"))
    client.write(place.folder, _MAIN, *files)
    (place.folder / "pom.xml").write_text(pom)
    run("mvn", "--batch-mode", "--quiet", "package", folder=place.folder)
    options = (f"--server.port={place.port}", "--server.forward-headers-strategy=none")
    with running_application(place, "java", "-Xmx256m", "-jar", "target/app-1.jar", *options):
        yield
