"""Open hours: windows, exceptions, and the hours that clocks leave out or show twice."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from support.sla.hours import DAY, Hours, Week, Window

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ALWAYS = ((Window(0, DAY),),) * 7


def week(*windows, zone="Europe/Berlin", **exceptions):
    """The same on every day."""
    said = {date.fromisoformat(day): several for day, several in exceptions.items()}
    return Hours(Week(zone, (tuple(Window(*one) for one in windows),) * 7, said))


def berlin(text):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def at(hour, minute=0):
    return 60 * hour + minute


def test_a_split_day_counts_both_halves_and_no_pause():
    hours = week((at(9), at(12)), (at(13), at(17)))
    assert hours.between(berlin("2026-11-25T11:00"), berlin("2026-11-25T14:00")) == 2 * HOUR
    assert hours.after(berlin("2026-11-25T11:30"), HOUR) == berlin("2026-11-25T13:30")


def test_a_deadline_falls_on_the_end_of_a_window_and_not_on_the_next_beginning():
    hours = week((at(9), at(17)))
    assert hours.after(berlin("2026-11-25T16:00"), HOUR) == berlin("2026-11-25T17:00")
    assert hours.after(berlin("2026-11-25T16:00"), HOUR + MINUTE) == berlin("2026-11-26T09:01")


def test_nothing_left_is_due_at_once_also_while_it_is_closed():
    assert week((at(9), at(17))).after(berlin("2026-11-25T20:00"), timedelta(0)) == berlin("2026-11-25T20:00")


def test_a_window_past_midnight_belongs_to_the_day_it_begins_on():
    """Given a shift from ten to two, when the next day is a holiday, then it goes on until two."""
    hours = week((at(22), at(26)), **{"2026-12-25": ()})
    assert hours.between(berlin("2026-12-24T23:00"), berlin("2026-12-26T00:00")) == 3 * HOUR
    assert hours.opens_after(berlin("2026-12-25T03:00")) == berlin("2026-12-26T22:00")


def test_a_day_can_be_open_that_is_not():
    closed = Hours(Week("UTC", ((Window(540, 1020),), *[()] * 6), {date(2026, 11, 28): (Window(600, 660),)}))
    saturday = datetime(2026, 11, 28, tzinfo=UTC)
    assert closed.between(saturday, saturday + 24 * HOUR) == HOUR


def test_always_open_is_never_closed_for_a_minute():
    hours = Hours(Week("Africa/Cairo", ALWAYS))
    start = datetime(2024, 1, 1, tzinfo=UTC)
    assert hours.between(start, start + timedelta(days=366)) == timedelta(days=366)
    assert hours.after(start, timedelta(days=200)) == start + timedelta(days=200)


@pytest.mark.parametrize(
    ("window", "minutes"),
    [((at(1), at(4)), 120), ((at(2, 15), at(2, 45)), 0), ((at(2, 30), at(5)), 120), ((at(0), at(2, 30)), 120)],
)
def test_the_hour_that_is_left_out_has_no_minute(window, minutes):
    """Given that clocks go from two to three, what begins in between begins at three, what ends there ends at three."""
    day = berlin("2026-03-29T00:00")
    assert week(window).between(day, berlin("2026-03-30T00:00")) == minutes * MINUTE


@pytest.mark.parametrize(
    ("window", "minutes"),
    [((at(1), at(4)), 240), ((at(2, 15), at(2, 45)), 30), ((at(2, 30), at(5)), 210), ((at(0), at(2, 30)), 150)],
)
def test_the_hour_that_comes_twice_counts_once(window, minutes):
    """Given that clocks go from three to two: it opens and shuts when the clock shows that for the first time."""
    day = berlin("2026-10-25T00:00")
    assert week(window).between(day, berlin("2026-10-26T00:00")) == minutes * MINUTE


def test_a_day_that_is_left_out_altogether_is_never_open():
    """Samoa went over the date line: there was no 30 December 2011."""
    hours = Hours(Week("Pacific/Apia", ((Window(540, 1020),),) * 7))
    begin = datetime(2011, 12, 29, tzinfo=ZoneInfo("Pacific/Apia"))
    end = datetime(2012, 1, 1, tzinfo=ZoneInfo("Pacific/Apia"))
    assert hours.between(begin, end) == 2 * 8 * HOUR


def test_what_is_never_open_is_never_due():
    never = Hours(Week("UTC", ((),) * 7))
    assert never.after(datetime(2026, 1, 1, tzinfo=UTC), MINUTE) is None
    assert never.opens_after(datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert never.between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)) == timedelta(0)


def test_what_lies_years_ahead_has_no_due_time():
    hours = Hours(Week("UTC", ((Window(540, 541),), *[()] * 6)))
    start = datetime(2026, 1, 5, tzinfo=UTC)
    assert hours.after(start, 50 * MINUTE) == datetime(2026, 12, 14, 9, 1, tzinfo=UTC)
    assert hours.after(start, 1_000 * MINUTE) is None


def test_moments_are_exact_to_the_microsecond():
    hours, start = week((at(9), at(17))), berlin("2026-11-25T09:00:00.000001")
    assert hours.after(start, HOUR) == berlin("2026-11-25T10:00:00.000001")
    assert hours.between(start, berlin("2026-11-25T10:00")) == HOUR - timedelta(microseconds=1)


def test_it_does_not_matter_in_which_order_one_asks():
    """Given questions far apart, forwards and back, then what is laid out for one is right for the others."""
    asked, fresh = week((at(9), at(17))), berlin("2026-11-25T00:00")
    days = (0, 900, -700, 20, -3, 4_000)
    found = [asked.after(fresh + timedelta(days=day), 3 * HOUR) for day in days]
    assert found == [week((at(9), at(17))).after(fresh + timedelta(days=day), 3 * HOUR) for day in days]
