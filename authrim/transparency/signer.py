"""Signs bundles and reports with the key of the log's checkpoints."""

from authrim.crypto.signed_note import sign_note
from authrim.transparency.checkpoints import Checkpoints
from authrim.transparency.keys import CheckpointKey


class LogSigner:
    """Signs with the key of the log's checkpoints, and so nothing but checkpoints."""

    def __init__(self, key: CheckpointKey) -> None:
        self._key = key
        self.origin = key.public.name
        self.key = key.public.encoded()

    def sign(self, text: str) -> bytes:
        """The signed note of a checkpoint."""
        return sign_note(text, self.origin, self._key.private).encoded().encode()


async def log_signer(checkpoints: Checkpoints) -> LogSigner:
    """The signer of a log that continues what was signed of it before, and of no other (F34)."""
    await checkpoints.prove_continuation()
    return LogSigner(await checkpoints.keys.signer())
