"""Due moments: written in a time zone, stored in UTC, formatted with their offset."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from quizserver.classes import due
from quizserver.web.moments import format_moment

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2027-01-10T12:00", 11), ("2027-07-10T12:00", 10), ("2027-07-10T12:00:30", 10)],
)
def test_a_moment_is_parsed_to_utc_in_summer_and_in_winter(text: str, hour: int):
    moment = due.parse_due(text, BERLIN)
    assert moment is not None
    assert (moment.hour, moment.minute, moment.second, moment.tzinfo) == (hour, 0, 0, UTC)


def test_a_moment_is_written_back_as_it_was():
    for text in ("2027-01-10T23:59", "2027-07-10T00:00"):
        assert due.format_due_field(due.parse_due(text, BERLIN), BERLIN) == text
    assert due.format_due_field(None, BERLIN) == ""


def test_nothing_written_is_no_due_moment():
    assert due.parse_due("  ", UTC) is None


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "2027-02-30T12:00",
        "2027-01-10",
        "20027-01-10T12:00",
        "2027-01-10T12:00Z",
        "٢٠٢٧-٠١-١٠T١٢:٠٠",
    ],
)
def test_what_is_no_date_and_time_is_refused_with_an_example(text: str):
    with pytest.raises(due.DueError, match="2027-03-01T23:59"):
        due.parse_due(text, UTC)


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "1999-12-31T23:59", "9999-12-31T23:59"])
def test_a_year_that_is_a_slip_is_refused(text: str):
    with pytest.raises(due.DueError, match="from 2000 to 2100"):
        due.parse_due(text, UTC)


@pytest.mark.parametrize("text", ["2000-01-01T00:00", "2100-12-31T23:59"])
def test_every_accepted_moment_can_be_formatted_in_all_time_zones(text: str):
    """Another instructor may look at it from the other side of the earth."""
    zones = [due.find_zone("Pacific/Kiritimati"), due.find_zone("Pacific/Pago_Pago"), UTC]
    for zone in zones:
        for other_zone in zones:
            assert zone is not None
            assert other_zone is not None
            assert due.format_due_field(due.parse_due(text, zone), other_zone)


def test_a_time_shown_twice_is_the_first_and_a_skipped_one_is_as_much_later():
    repeated, skipped = (
        due.parse_due("2027-10-31T02:30", BERLIN),
        due.parse_due("2027-03-28T02:30", BERLIN),
    )
    assert repeated == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert skipped == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert due.format_due_field(skipped, BERLIN) == "2027-03-28T03:30"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "10 January 2027, 23:30 UTC"),
        ("Europe/Berlin", "11 January 2027, 00:30 UTC+01:00"),
        ("Asia/Kolkata", "11 January 2027, 05:00 UTC+05:30"),
        ("America/New_York", "10 January 2027, 18:30 UTC−05:00"),
    ],
)
def test_a_moment_is_formatted_with_its_offset_from_utc(zone: str, expected: str):
    tz = due.find_zone(zone)
    assert tz is not None
    assert format_moment(datetime(2027, 1, 10, 23, 30, tzinfo=UTC), tz) == expected


def test_only_listed_zones_are_zones():
    assert due.zone_names()[0] == "UTC"
    for name in ("../../etc/passwd", "Etc/GMT+5", "", None):
        assert due.find_zone(name) is None
