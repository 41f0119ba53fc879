"""Quiet hours: by the clock on the wall where somebody is, over midnight and over changes of the clock."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from ondi.notifications.preferences import Preferences, QuietHours


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("begin", "end", "zone", "at", "over"),
    [
        ("22:00", "07:00", "Asia/Baghdad", "2026-11-23 18:59", "2026-11-23 18:59"),
        ("22:00", "07:00", "Asia/Baghdad", "2026-11-23 19:00", "2026-11-24 04:00"),
        ("22:00", "07:00", "Asia/Baghdad", "2026-11-24 03:59", "2026-11-24 04:00"),
        ("22:00", "07:00", "Asia/Baghdad", "2026-11-24 04:00", "2026-11-24 04:00"),
        ("13:00", "14:30", "Asia/Baghdad", "2026-11-24 10:00", "2026-11-24 11:30"),
        ("13:00", "14:30", "Asia/Baghdad", "2026-11-24 11:30", "2026-11-24 11:30"),
        ("13:00", "14:30", "Asia/Baghdad", "2026-11-24 09:59", "2026-11-24 09:59"),
        # Berlin: from 2 to 3 at night there is nothing on 29 March, and from 2 to 3 twice on 25 October 2026.
        ("22:00", "02:30", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 01:30"),
        ("22:00", "07:00", "Europe/Berlin", "2026-03-28 21:30", "2026-03-29 05:00"),
        ("22:00", "02:30", "Europe/Berlin", "2026-10-24 23:00", "2026-10-25 00:30"),
        ("22:00", "07:00", "Europe/Berlin", "2026-10-24 20:00", "2026-10-25 06:00"),
        # What has begun goes on while the clock shows an earlier time once more.
        ("02:15", "05:00", "Europe/Berlin", "2026-10-25 01:05", "2026-10-25 04:00"),
        ("00:00", "23:59", "Pacific/Kiritimati", "2026-11-23 12:00", "2026-11-24 09:59"),
    ],
)
def test_when_they_are_over(begin, end, zone, at, over):
    quiet = QuietHours(time.fromisoformat(begin), time.fromisoformat(end), ZoneInfo(zone))

    assert quiet.over_at(utc(at)) == utc(over)


def test_without_quiet_hours_it_is_now():
    assert Preferences({}).told_at(utc("2026-11-23 23:00")) == utc("2026-11-23 23:00")


def test_of_a_document():
    hours = {"from": "22:00", "to": "07:00", "time_zone": "Asia/Baghdad"}

    assert Preferences({}, hours).told_at(utc("2026-11-23 20:00")) == utc("2026-11-24 04:00")
