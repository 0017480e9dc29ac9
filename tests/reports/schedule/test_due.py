"""When evidence is due, and for which period."""

from datetime import UTC, datetime

import pytest

from authrim.reports.schedule.due import MOST_MADE_UP, missed, next_time, period_before
from authrim.settings.schedules import schedule_of


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("period", "at", "begin", "end"),
    [
        ("day", "2026-03-01T06:00", "2026-02-28", "2026-03-01"),
        ("week", "2026-11-30T00:00", "2026-11-23", "2026-11-30"),
        ("week", "2026-11-29T23:59", "2026-11-16", "2026-11-23"),
        ("month", "2026-03-31T06:00", "2026-02-01", "2026-03-01"),
        ("month", "2026-01-01T00:00", "2025-12-01", "2026-01-01"),
        ("quarter", "2026-02-14T06:00", "2025-10-01", "2026-01-01"),
        ("quarter", "2026-10-01T00:00", "2026-07-01", "2026-10-01"),
        ("year", "2028-03-01T00:00", "2027-01-01", "2028-01-01"),
    ],
)
def test_the_period_is_the_last_whole_one(period: str, at: str, begin: str, end: str) -> None:
    """A report at some time is on the last day, week, month, quarter or year that is over, in UTC."""
    assert period_before(period, seconds(at)) == (seconds(begin), seconds(end))


def test_each_missed_period_is_made_up_once() -> None:
    """After three months without the process, three months are due, the oldest first; a period that its time came for
    every day is due once."""
    monthly, daily = schedule_of("0 6 1 * * soc2 month"), schedule_of("0 6 * * * soc2 month")
    since, now = seconds("2026-06-15"), seconds("2026-09-15")
    for schedule in (monthly, daily):
        due = missed(schedule, since, now)
        names = [one.name for one in due]
        assert names[-3:] == ["soc2-2026-06-01-month", "soc2-2026-07-01-month", "soc2-2026-08-01-month"]
        assert missed(schedule, max(one.at for one in due), now) == []
    assert [one.at for one in missed(monthly, since, now)] == [
        seconds(f"2026-0{month}-01T06:00") for month in (7, 8, 9)
    ]


def test_not_more_than_a_year_of_months_is_made_up() -> None:
    """Of very many missed periods the newest are made up, and the number of the others is told."""
    due = missed(schedule_of("0 6 * * * bundle day"), seconds("2026-01-01"), seconds("2026-02-01"))
    assert len(due) == MOST_MADE_UP
    assert due[-1].name == "bundle-2026-01-30-day.tar"
    assert due[0].skipped == 31 - MOST_MADE_UP
    assert {one.skipped for one in due[1:]} == {0}


def test_a_time_counts_from_its_own_second_on() -> None:
    """At the time itself evidence is due, a second before it is not, and what was done is not due again."""
    schedule, at = schedule_of("30 4 * * * soc2 day"), seconds("2026-05-05T04:30")
    assert missed(schedule, at - 60, at - 1) == []
    assert [one.at for one in missed(schedule, at - 60, at)] == [at]
    assert missed(schedule, at, at + 3600) == []
    assert next_time(schedule.times, at) == seconds("2026-05-06T04:30")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 6 1 * * soc2",
        "0 6 1 * * soc2 fortnight",
        "61 6 1 * * soc2 month",
        "0 6 31 2 * soc2 month",
        "0 6 1 * * ../etc month",
        "0 6 1 * * soc2 month more",
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(text: str) -> None:
    """A wrong line is an error that shows how one is written, and leads out of no folder."""
    with pytest.raises(ValueError, match="'0 6 1 \\* \\* soc2 month'"):
        schedule_of(text)
