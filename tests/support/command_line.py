"""``authrim`` as it is used, in this process."""

import json
import re
from collections.abc import Mapping
from typing import Any

from click.testing import CliRunner, Result

from authrim.commands.root import main


class CommandLine:
    """Runs ``authrim`` with settings of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)

    def run(self, *arguments: str, stdin: str | None = None, status: int | None = 0) -> Result:
        """Run a command that is to end with ``status``; None: with any."""
        result = CliRunner().invoke(main, list(arguments), input=stdin, env=self.environment)
        unexpected = result.exception if not isinstance(result.exception, SystemExit) else None
        assert unexpected is None, unexpected
        assert status is None or result.exit_code == status, result.output
        return result

    def json(self, *arguments: str, stdin: str | None = None, status: int = 0) -> Any:
        """Run a command with ``--json``; what it printed, without what a server in this process may log meanwhile."""
        printed = self.run("--json", *arguments, stdin=stdin, status=status).stdout
        opened = re.search(r"^[{\[]", printed, re.MULTILINE)
        assert opened is not None, printed
        document, _ = json.JSONDecoder().raw_decode(printed, opened.start())
        return document
