"""The compiled code of each template, shared by all languages and servers of a process."""

from types import CodeType

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class CompiledTemplates(BytecodeCache):
    """Keeps code in memory. What is computed while a template is compiled must be the same in all languages."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the bucket the code of the same template with the same source, if there is any."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep newly compiled code."""
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code
