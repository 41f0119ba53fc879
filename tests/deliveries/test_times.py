"""Times as files write them, and the years any date from outside may lie in."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ondi.common.times import TimeForm, TimeRefused, is_ahead, parse_instant

BAGHDAD, NEW_YORK = ZoneInfo("Asia/Baghdad"), ZoneInfo("America/New_York")
DEFAULT = "%Y-%m-%d %H:%M:%S"


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


NINE_UTC, SIX_UTC = utc(2026, 11, 20, 9), utc(2026, 11, 20, 6)


class TestOffsetsAreHonoured:
    @pytest.mark.parametrize(
        ("form", "text", "moment"),
        [
            (DEFAULT, "2026-11-20 09:00:00", SIX_UTC),
            (DEFAULT, "2026-11-20 09:00:00 +0300", SIX_UTC),
            (DEFAULT, "2026-11-20 09:00:00+03:00", SIX_UTC),
            (DEFAULT, "2026-11-20 09:00:00+03", SIX_UTC),
            (DEFAULT, "2026-11-20 04:00:00 -0500", NINE_UTC),
            (DEFAULT, "2026-11-20 09:00:00Z", NINE_UTC),
            (DEFAULT, "2026-11-20 09:00:00 z", NINE_UTC),
            (DEFAULT, "2026-11-20 09:00:00 UTC", NINE_UTC),
            (DEFAULT, "2026-11-20 09:00:00 GMT", NINE_UTC),
            (DEFAULT, "2026-11-20 10:00:00 Europe/Berlin", NINE_UTC),
            (DEFAULT, "2026-11-20 09:00:00+03:00[Asia/Baghdad]", SIX_UTC),
            ("%a %b %d %Y %H:%M:%S", "Fri Nov 20 2026 09:00:00 GMT+0300 (Arabian Standard Time)", SIX_UTC),
            # a form with a place for the zone, or with one written out, drops it no more than one without
            ("%Y-%m-%dT%H:%M:%S%z", "2026-11-20T09:00:00+03:00", SIX_UTC),
            ("%Y-%m-%dT%H:%M:%S%z", "2026-11-20T09:00:00Z", NINE_UTC),
            ("%Y-%m-%dT%H:%M:%S%z", "2026-11-20T09:00:00", SIX_UTC),
            ("%Y-%m-%dT%H:%M:%SZ", "2026-11-20T09:00:00Z", NINE_UTC),
            ("%Y-%m-%dT%H:%M:%SZ", "2026-11-20T09:00:00+03:00", SIX_UTC),
            ("%Y-%m-%dT%H:%M:%S+00:00", "2026-11-20T09:00:00+00:00", NINE_UTC),
            ("%a %b %d %H:%M:%S %Z %Y", "Fri Nov 20 09:00:00 UTC 2026", NINE_UTC),
            ("%a %b %d %H:%M:%S %z %Y", "Fri Nov 20 09:00:00 +0300 2026", SIX_UTC),
            ("%Y%m%dT%H%M%SZ", "20261120T090000Z", NINE_UTC),
            # what looks like an offset and is a part of the date
            ("%H:%M %d-%m-%Y", "09:00 20-11-2026", SIX_UTC),
            ("%d-%m-%Y", "20-11-2026", utc(2026, 11, 19, 21)),
            ("%m/%d/%Y %I:%M %p", "11/20/2026 09:00 AM", SIX_UTC),
            ("%m/%d/%Y %I:%M %p", "11/20/2026 09:00 AM +0000", NINE_UTC),
        ],
    )
    def test_a_time_says_its_zone_or_takes_the_maps(self, form, text, moment):
        assert TimeForm.of(form, BAGHDAD).read(text).moment == moment

    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2026-11-20 09:00:00 EST", utc(2026, 11, 20, 14)),
            ("2026-07-20 09:00:00 EDT", utc(2026, 7, 20, 13)),
            ("2026-11-01 01:30:00 EDT", utc(2026, 11, 1, 5, 30)),
            ("2026-11-01 01:30:00 EST", utc(2026, 11, 1, 6, 30)),
        ],
    )
    def test_letters_count_where_the_maps_own_zone_goes_by_them(self, text, moment):
        read = TimeForm.of(DEFAULT, NEW_YORK).read(text)

        assert (read.moment, read.was_twice) == (moment, False)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("2026-11-20 09:00:00 EST", "names a zone we do not know for certain: EST"),
            ("2026-11-20 09:00:00 IST", "a zone we do not know"),
            ("2026-11-20 09:00:00 Mars/Olympus", "a zone we do not know"),
            ("2026-11-20 09:00:00 ../../etc/passwd", "not a time of the form"),
            ("2026-11-20 09:00:00 +99:00", "names an offset that no zone has"),
            ("2026-11-20 09:00:00 +03:99", "names an offset that no zone has"),
            ("2026-11-20 09:00:00 Z Z", "not a time of the form"),
            ("2026-11-20 09:00", "not a time of the form"),
            ("2026-02-30 09:00:00", "not a time of the form"),
            ("", "not a time of the form"),
            ("\x00", "not a time of the form"),
        ],
    )
    def test_a_zone_is_never_guessed(self, text, reason):
        with pytest.raises(TimeRefused, match=reason):
            TimeForm.of(DEFAULT, BAGHDAD).read(text)

    def test_the_servers_own_zone_counts_for_nothing(self, monkeypatch):
        monkeypatch.setenv("TZ", "America/New_York")
        time.tzset()
        try:
            assert TimeForm.of(DEFAULT, BAGHDAD).read("2026-11-20 09:00:00").moment == SIX_UTC
            with pytest.raises(TimeRefused):
                TimeForm.of(f"{DEFAULT} %Z", BAGHDAD).read("2026-11-20 09:00:00 EST")
        finally:
            monkeypatch.undo()
            time.tzset()

    @pytest.mark.parametrize("form", ["%q", "%Y-%m", "%H:%M", "", "%d.%m. %H:%M", "%s", "Z"])
    def test_a_form_that_leaves_the_day_open_is_none(self, form):
        with pytest.raises(ValueError, match=r"directive|year, month and day"):
            TimeForm.of(form, BAGHDAD)


class TestClockChanges:
    def test_a_skipped_time_is_moved_forward_and_a_doubled_one_is_the_first(self):
        form = TimeForm.of(DEFAULT, NEW_YORK)

        skipped, doubled, plain = map(form.read, ("2026-03-08 02:30:00", "2026-11-01 01:30:00", "2026-11-01 00:59:59"))

        assert (skipped.moment, skipped.was_skipped, skipped.was_twice) == (utc(2026, 3, 8, 7, 30), True, False)
        assert (doubled.moment, doubled.was_skipped, doubled.was_twice) == (utc(2026, 11, 1, 5, 30), False, True)
        assert (plain.was_skipped, plain.was_twice) == (False, False)

    def test_local_midnight_that_does_not_exist(self):
        read = TimeForm.of("%Y-%m-%d", ZoneInfo("Africa/Cairo")).read("2026-04-24")

        assert (read.moment, read.was_skipped) == (utc(2026, 4, 23, 22), True)

    def test_a_named_zone_has_clock_changes_of_its_own(self):
        assert TimeForm.of(DEFAULT, BAGHDAD).read("2026-10-25 02:30:00 Europe/Berlin").was_twice


class TestYears:
    @pytest.mark.parametrize(
        ("text", "accepted"),
        [
            ("1900-01-01T00:00:00Z", True),
            ("2199-12-31T23:59:59.999999Z", True),
            ("1900-01-01T00:00:00+03:00", False),
            ("1899-12-31T23:59:59Z", False),
            ("2200-01-01T00:00:00Z", False),
            ("2199-12-31T23:59:59-05:00", False),
            ("9999-12-31T23:59:59Z", False),
            ("9999-12-31T23:59:59-14:00", False),
            ("0001-01-01T00:00:00+14:00", False),
            ("0000-00-00T00:00:00Z", False),
            ("2026-11-20T09:00:00", False),
        ],
    )
    def test_an_instant_lies_between_1900_and_2199(self, text, accepted):
        assert (parse_instant(text) is not None) is accepted

    @pytest.mark.parametrize("text", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "1899-12-31 12:00:00",
                                      "2200-01-02 00:00:00 +14:00", "0001-01-01 00:00:00 +14:00"])  # fmt: skip
    def test_so_does_a_time_of_a_file(self, text):
        with pytest.raises(TimeRefused, match="not between 1900 and 2199"):
            TimeForm.of(DEFAULT, BAGHDAD).read(text)

    def test_a_day_ahead_and_no_more(self):
        now = utc(2026, 11, 20)

        assert not is_ahead(now + timedelta(days=1), now)
        assert is_ahead(now + timedelta(days=1, microseconds=1), now)
