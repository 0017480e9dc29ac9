"""An application of ``software/node``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integrations.applications import Place, running_application
from tests.integrations.installing import node_packages
from tests.integrations.provider import Client


@contextmanager
def running_node(place: Place, client: Client, **environment: str) -> Iterator[Path]:
    """The application of the recipe, until the block ends."""
    client.write(place.folder, "app.mjs")
    (place.folder / "node_modules").symlink_to(node_packages() / "node_modules")
    more = {"PORT": str(place.port), **environment}
    with running_application(place, "node", "app.mjs", environment=more) as output:
        yield output
