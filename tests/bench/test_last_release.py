"""The comparison with the ratios of the last release."""

from pathlib import Path

import msgspec
import pytest

from bench.__main__ import judge
from bench.cells import CELLS, FAPI2
from bench.results import RELEASES, Release, fallen, last_release, release_of
from tests.bench.found import cell, results

RELEASE = Release("0.1.0", "c2764cf", "then", {"refresh": 2.0, "jwks": 1.0})


def test_a_ratio_that_fell_by_more_than_a_tenth_is_named() -> None:
    """A ratio below nine tenths of the last release's is named with both figures; one at nine tenths is not."""
    (fall,) = fallen([cell("refresh", 1.79), cell("jwks", 0.9)], RELEASE)
    assert (fall.cell, fall.now, fall.then) == ("refresh", 1.79, 2.0)
    assert fallen([cell("refresh", 1.8), cell("jwks", 3.0)], RELEASE) == []


def test_what_a_release_did_not_measure_cannot_fall() -> None:
    """A cell that the release has no ratio of, and one that was not measured now, are passed over."""
    assert fallen([cell("new", 0.1), cell("refresh", None)], RELEASE) == []


@pytest.mark.parametrize(
    ("ratio", "refused", "quick", "status"),
    [(2.0, "", False, 0), (1.0, "", False, 1), (1.0, "", True, 0), (2.0, "two tokens", True, 1)],
)
def test_the_status_says_whether_something_fell(
    ratio: float, refused: str, quick: bool, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fall is a failure and is named; in a quick run it is named alone; a refused server fails any run."""
    assert judge(results(cell("refresh", ratio, refused=refused)), RELEASE, quick=quick) == status
    told = capsys.readouterr().err
    assert ("refresh: 1.00, 2.00 in 0.1.0" in told) == (ratio == 1.0)
    assert (refused in told) if refused else "refused" not in told


def test_the_last_release_is_the_one_with_the_highest_version(tmp_path: Path) -> None:
    """Versions are compared by their numbers, not as texts."""
    for version in ("0.9.0", "0.10.0"):
        kept = Release(version, "abc", "then", {"jwks": 1.0})
        (tmp_path / f"{version}.json").write_bytes(msgspec.json.encode(kept))
    assert last_release(tmp_path).version == "0.10.0"


def test_a_release_keeps_what_the_next_one_is_compared_with() -> None:
    """What is kept of a comparison is its ratios, and a comparison with itself finds no fall."""
    found = results(cell("refresh", 2.5), cell("jwks", None))
    kept = release_of(found, "0.2.0")
    assert kept.ratios == {"refresh": 2.5}
    assert fallen(found.cells, kept) == []


def test_every_kept_release_names_cells_that_there_are() -> None:
    """The files of releases are well formed, are named after their version, and name no cell that was renamed."""
    names = {one.name for one in (*CELLS, FAPI2)}
    files = list(RELEASES.glob("*.json"))
    assert files
    for file in files:
        kept = msgspec.json.decode(file.read_bytes(), type=Release)
        assert kept.version == file.stem
        assert kept.ratios.keys() <= names
