"""What a process has counted, in the memory that the processes of a server share."""

import os
from collections.abc import Iterator

import pytest

from authrim.metrics import catalogue
from authrim.metrics.catalogue import METRICS
from authrim.metrics.declaration import Counter
from authrim.metrics.memory import SharedMemory, SharedPart
from authrim.metrics.snapshot import Snapshot, go_on_from, take, together


@pytest.fixture(autouse=True)
def counted_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of its own for each test."""
    for metric in METRICS:
        monkeypatch.setattr(metric, "series", {})


@pytest.fixture
def part() -> Iterator[SharedPart]:
    made = SharedPart.make("worker-1")
    yield made
    os.close(made.descriptor)


def counts(number: float) -> Snapshot:
    return Snapshot(number, counters={"authrim_appends_total": {("committed",): number}})


def test_a_process_goes_on_where_another_stopped(part: SharedPart) -> None:
    """A process of the same name adds to what an earlier one has counted, so that no counter falls; gauges and what
    follows from other counters are its own."""
    catalogue.EVENTS.add_more(3, "grant.code_issued.v1")
    catalogue.APPEND_BATCH.observe(2)
    catalogue.APPENDS_WAITING.set(7)
    part.write(take(1))
    for metric in METRICS:
        metric.series.clear()
    catalogue.EVENTS.add("grant.code_issued.v1")
    catalogue.APPEND_BATCH.observe(2)
    earlier = SharedPart("worker-1", part.descriptor).read()
    assert earlier is not None
    go_on_from(earlier)
    now = take(2)
    assert now.counters["authrim_events_total"] == {("grant.code_issued.v1",): 4}
    assert now.counters["authrim_tokens_issued_total"]["code",] == 4
    assert now.histograms["authrim_append_batch_size"][()][1] == 2
    assert "authrim_append_queue_depth" not in now.gauges


@pytest.mark.parametrize("damaged", [0, 1])
def test_a_half_that_is_being_written_is_passed_over(part: SharedPart, damaged: int) -> None:
    """A writer that is killed in the middle, or read in the middle, leaves the other half whole: nothing older than the
    last but one writing is read, and never a mixture."""
    part.write(counts(1))
    part.write(counts(2))
    half = (2 - damaged) % 2 * 16 * 1024 * 1024
    os.pwrite(part.descriptor, b"\xff" * 4, half + 20)
    read = SharedPart("worker-1", part.descriptor).read()
    assert read == counts(2 if damaged else 1)


def test_nothing_was_written_yet(part: SharedPart) -> None:
    """A part that nobody has written into says nothing, also when its first writing was cut off."""
    assert part.read() is None
    part.write(counts(1))
    os.ftruncate(part.descriptor, 16 * 1024 * 1024 + 3)
    assert part.read() is None


def test_a_child_finds_the_parts_by_their_numbers(part: SharedPart) -> None:
    """The option of a child names each process and its open file, and what one writes all of them read."""
    memory = SharedMemory({"worker-1": part, "background": SharedPart("background", part.descriptor)})
    child = SharedMemory.of_option(memory.option())
    assert child.descriptors == (part.descriptor, part.descriptor)
    child.part("worker-1").write(counts(5))
    assert memory.read() == [counts(5), counts(5)]


def test_several_processes_are_added_up() -> None:
    """Counters and buckets are added, gauges added or the lowest taken, and what each process says of itself stays. A
    process that has been silent says nothing any more but when it was last seen."""
    gauges = {"authrim_append_queue_depth": {(): 2.0}, "authrim_build_info": {("1", "3"): 1.0}}
    first = Snapshot(10, {"authrim_x_total": {("a",): 1}}, gauges, {"authrim_y": {(): [1, 2, 3]}})
    second = Snapshot(11, {"authrim_x_total": {("a",): 2, ("b",): 5}}, gauges, {"authrim_y": {(): [1, 0, 1]}})
    seen = {"authrim_process_seen_timestamp_seconds": {("worker-3",): 1.0}}
    silent = Snapshot(1, {"authrim_x_total": {("b",): 1}}, gauges | seen)
    whole = together([first, second, silent], living_since=5)
    assert whole.counters["authrim_x_total"] == {("a",): 3, ("b",): 6}
    assert whole.gauges == {
        "authrim_append_queue_depth": {(): 4.0},
        "authrim_build_info": {("1", "3"): 1.0},
        **seen,
    }
    assert whole.histograms["authrim_y"] == {(): [2, 2, 4]}
    assert first.histograms["authrim_y"] == {(): [1, 2, 3]}


def test_a_certificate_that_one_process_still_has_is_on_the_page() -> None:
    """A process that could not read the renewed certificate lets its alert fire, whatever the others have."""
    expiry = catalogue.CERTIFICATE_EXPIRY.name
    each = [Snapshot(1, gauges={expiry: {("port",): day}}) for day in (90.0, 2.0, 90.0)]
    assert together(each, living_since=0).gauges[expiry] == {("port",): 2.0}


def test_the_part_that_was_read_for_a_page_is_not_kept() -> None:
    """What a process has read of the database for its page is not written down: another process would show it when it
    is no longer true."""
    catalogue.FOLLOWER_LAG.set(60, "audit_v3")
    catalogue.APPENDS_WAITING.set(1)
    assert list(take(1).gauges) == ["authrim_append_queue_depth"]


def test_a_counter_begins_at_zero() -> None:
    """What is known beforehand is on the page before the first count, which would else be no rise for ``rate()``."""
    assert Counter("authrim_a_total", "A.").series == {(): 0}
    assert Counter("authrim_a_total", "A.", ("x",), begins=[("y",)]).series == {("y",): 0}
