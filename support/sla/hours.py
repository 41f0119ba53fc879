"""Open hours: a week of windows in a time zone, and the days that differ. Pure: no models, no clock of its own.

A window belongs to the day on which it begins, also where it ends after midnight; what an exception says of a day is
said instead of all that would begin on it. It opens at the first moment the wall clock of the zone shows its beginning
or later, and shuts at the first moment it shows its end or later: where the clocks go forward, what begins in the
hour that is left out begins after it; where they go back, what lies in the hour that comes twice counts once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = 24 * 60  # minutes
# How far it looks for what is to come, nearest first; what is not reached by then has no due time.
AHEAD = timedelta(days=20), timedelta(days=400), timedelta(days=5 * 366)
MARGIN = timedelta(days=3)
NEVER = -(2**62)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK, _SECOND = timedelta(microseconds=1), timedelta(seconds=1)


class Window(NamedTuple):
    """In minutes since the midnight its day begins with; an end beyond `DAY` lies in the next day."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Week:
    """What a version of a calendar says. `days`: of Monday to Sunday. `exceptions`: what a date has instead."""

    zone: str
    days: tuple[tuple[Window, ...], ...]
    exceptions: Mapping[date, tuple[Window, ...]] = field(default_factory=dict)

    def of(self, day: date) -> tuple[Window, ...]:
        return self.exceptions.get(day, self.days[day.weekday()])


class Hours:
    """A week laid out as intervals of real time with sums, so that a question is a search among them.

    It is laid out as far as it was asked, and somewhat further.
    """

    def __init__(self, week: Week) -> None:
        self.week = week
        self._zone = ZoneInfo(week.zone)
        self._first = self._last = date.min  # the last one not included
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._open_before: list[int] = []

    def between(self, start: datetime, end: datetime) -> timedelta:
        """For how long it is open from `start` to `end`; nothing where that lies before."""
        if end <= start:
            return timedelta(0)
        self._lay_out(start, end)
        return timedelta(microseconds=self._open_until(_ticks(end)) - self._open_until(_ticks(start)))

    def after(self, start: datetime, wanted: timedelta) -> datetime | None:
        """The first moment by which it was open for so long since `start`; None where that is years away."""
        if wanted <= timedelta(0):
            return start
        for ahead in AHEAD:
            self._lay_out(start, start + ahead)
            reached = self._open_until(_ticks(start)) + wanted // _TICK
            place = bisect_left(self._open_before, reached) - 1
            if place >= 0 and (moment := self._starts[place] + reached - self._open_before[place]) <= self._ends[place]:
                return _EPOCH + timedelta(microseconds=moment)
        return None

    def opens_after(self, start: datetime) -> datetime | None:
        """`start` itself where it is open then, else when it opens next; None where that is years away."""
        for ahead in AHEAD:
            self._lay_out(start, start + ahead)
            place = bisect_right(self._ends, _ticks(start))
            if place < len(self._ends):
                return max(start, _EPOCH + timedelta(microseconds=self._starts[place]))
        return None

    def _open_until(self, at: int) -> int:
        place = bisect_right(self._starts, at) - 1
        return self._open_before[place] + min(at, self._ends[place]) - self._starts[place] if place >= 0 else 0

    def _lay_out(self, start: datetime, end: datetime) -> None:
        """Have these days, and those beside: a day of the zone is none of UTC, and a window may begin before it."""
        first, last = start.date() - MARGIN, end.date() + MARGIN
        if self._first <= first and last <= self._last:
            return
        if self._starts:
            first, last = min(first, self._first), max(last, self._last)
        self._first, self._last = first, last + (last - first) / 2
        self._starts, self._ends, self._open_before = [], [], []
        total = 0
        for opens, shuts in self._intervals():
            self._starts.append(opens)
            self._ends.append(shuts)
            self._open_before.append(total)
            total += shuts - opens

    def _intervals(self) -> Iterator[tuple[int, int]]:
        """In order, those that touch or overlap made one."""
        start, end = 0, NEVER
        day = self._first
        while day < self._last:
            for window in sorted(self.week.of(day)):
                opens, shuts = _ticks(self._moment(day, window.start)), _ticks(self._moment(day, window.end))
                if shuts <= opens:
                    continue  # all of it lies in an hour that is left out
                if opens <= end:
                    end = max(end, shuts)
                    continue
                if end > NEVER:
                    yield start, end
                start, end = opens, shuts
            day += timedelta(days=1)
        if end > NEVER:
            yield start, end

    def _moment(self, day: date, minute: int) -> datetime:
        """The first one at which the zone's clock shows this minute of the day or later."""
        wall = datetime.combine(day, time()) + timedelta(minutes=minute)
        moment = wall.replace(tzinfo=self._zone).astimezone(UTC)
        if moment.astimezone(self._zone).replace(tzinfo=None) == wall:
            return moment
        before = wall.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        while moment - before > _SECOND:
            middle = before + (moment - before) // 2
            shown = middle.astimezone(self._zone).replace(tzinfo=None)
            before, moment = (before, middle) if shown >= wall else (middle, moment)
        return moment.replace(microsecond=0)


def _ticks(at: datetime) -> int:
    return (at - _EPOCH) // _TICK
