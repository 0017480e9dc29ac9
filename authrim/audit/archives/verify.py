"""Verifies a directory of archives without a database: each bundle, and that one continues the other."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from authrim.audit.archives.folder import Archived, archives_in, bundle_of, unpacked
from authrim.audit.bundle.verify_bundle import Checkpoint, Key, Verification


class Checked(NamedTuple):
    """A bundle and what was found: what is wrong with it, and what could not be checked."""

    archived: Archived
    faults: Sequence[str]
    unchecked: Sequence[str]
    proof: dict[str, Any] | None = None


def verify_folder(
    folder: Path, key: Key | None, outside: Sequence[Checkpoint], wanted: int | None = None
) -> Iterator[Checked]:
    """Verify the bundles in their order; with ``wanted``, only the one that has this position, and prove that one.

    Raises BadArchive when nothing can be said of a bundle.
    """
    before: tuple[int, str] | None = None
    for archived in archives_in(folder):
        month = archived.month
        if wanted is not None and not month.first <= wanted <= month.last:
            continue
        verification, previous_chain = verification_of(archived, key, outside, wanted)
        faults = [_in_words(fault) for fault in verification.faults]
        if before is not None and before[0] + 1 != month.first:
            faults.append(f"the positions {before[0] + 1} to {month.first - 1} are in no bundle")
        elif before is not None and before[1] != previous_chain:
            faults.append("it does not continue the bundle before it")
        before = month.last, verification.facts.get("chain_hash", "")
        yield Checked(archived, faults, verification.unchecked, verification.proof)


def verification_of(
    archived: Archived, key: Key | None, outside: Sequence[Checkpoint], wanted: int | None
) -> tuple[Verification, str]:
    """A bundle verified by itself, and the chain hash that it begins with. Raises BadArchive."""
    verification = Verification(key, list(outside), wanted)
    with unpacked(archived) as path:
        bundle = bundle_of(archived, path)
        verification.run(path)
        return verification, str(bundle.manifest.get("previous_chain_hash", ""))


def _in_words(fault: dict[str, Any]) -> str:
    first, last = fault["first_position"], fault["last_position"]
    where = (
        "" if first is None else f"position {first}: " if first == last else f"positions {first} to {last}: "
    )
    return f"{where}{fault['what']}"
