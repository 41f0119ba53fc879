"""What a ticket's clocks say, found by walking through time minute by minute, knowing the rules and nothing else.

Everything is plain: minutes since 1970 for times, words for what happens, dictionaries for the rest. Held by lint: it
imports nothing of ours.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

START = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, NEXT, RESOLUTION = "first_response", "next_response", "resolution"


class Calendar:
    """Which minutes are open. `days`: of Monday to Sunday, pairs of minutes; `exceptions`: by date as text."""

    def __init__(self, zone, days, exceptions):
        self.zone, self.days, self.exceptions = ZoneInfo(zone), days, exceptions
        self.begin, self.open, self.latest = None, bytearray(), None

    def is_open(self, minute):
        if self.begin is None:
            self.begin = minute - 3 * 24 * 60
        assert minute >= self.begin
        while minute >= self.begin + len(self.open):
            self._walk(self.begin + len(self.open))
        return self.open[minute - self.begin]

    def _walk(self, minute):
        """The latest time the wall clock has ever shown decides: what it shows again, it has shown."""
        shown = (START + timedelta(minutes=minute)).astimezone(self.zone).replace(tzinfo=None)
        self.latest = max(shown, self.latest or shown)
        today = datetime(self.latest.year, self.latest.month, self.latest.day)
        found = False
        for day in (today, today - timedelta(days=1)):
            windows = self.exceptions.get(day.date().isoformat(), self.days[day.weekday()])
            since = (self.latest - day) // timedelta(minutes=1)
            found = found or any(start <= since < end for start, end in windows)
        self.open.append(found)


class Clock:
    def __init__(self, metric, number, consumed):
        self.metric, self.number, self.consumed = metric, number, consumed
        self.terms = self.due = self.outcome = None
        self.spoiled = ""
        self.is_over = self.ran = False
        self.ended = None

    @property
    def target(self):
        return self.terms["targets"].get(self.metric) if self.terms else None


class Ticket:
    def __init__(self):
        self.clocks = []
        self.terms = self.until = None
        self.is_open = self.on_agent = False

    def live(self, metric=None):
        return [one for one in self.clocks if not one.is_over and metric in (None, one.metric)]

    def runs(self, clock):
        if clock.is_over or clock.target is None:
            return False
        if self.until is not None and "snoozed" in clock.terms["pauses"]:
            return False
        if self.on_agent:
            return True
        return clock.metric == RESOLUTION and "customer" not in clock.terms["pauses"]

    def begin(self, metric, consumed=0):
        number = len([one for one in self.clocks if one.metric == metric]) + 1
        self.clocks.append(Clock(metric, number, consumed))

    def over(self, metric, outcome):
        for clock in self.live(metric):
            clock.outcome = clock.outcome or (outcome if clock.target is not None else "cancelled")
            clock.is_over = True

    def happen(self, minute, what, words):
        for clock in self.live():
            clock.ran, clock.ended = self.runs(clock), minute
        if what == "opened":
            self.is_open = self.on_agent = True
            self.begin(FIRST)
            self.begin(RESOLUTION)
        elif what == "customer_said" and self.is_open:
            self.on_agent, self.until = True, None
            if not self.live(FIRST) and not self.live(NEXT):
                self.begin(NEXT)
        elif what == "agent_said":
            self.on_agent = False
            self.over(FIRST, "met")
            self.over(NEXT, "met")
        elif what in ("closed", "merged"):
            self.is_open = self.on_agent = False
            self.until = None
            self.over(FIRST, "cancelled")
            self.over(NEXT, "cancelled")
            self.over(RESOLUTION, "met" if what == "closed" else "cancelled")
        elif what == "reopened" and not self.is_open:
            self.is_open, self.on_agent = True, words["on_agent"]
            if self.on_agent:
                self.begin(NEXT)
            last = [one for one in self.clocks if one.metric == RESOLUTION][-1]
            if last.outcome != "missed":
                self.begin(RESOLUTION, last.consumed)
        elif what == "snoozed":
            self.until = words["until"]
        elif what == "brought_back":
            self.until = None
        elif what == "terms":
            self.terms = words["terms"]

    def take_terms(self, cause):
        for clock in self.live():
            if clock.outcome is None and clock.terms is not self.terms:
                clock.terms = self.terms
                spent = clock.target is not None and clock.consumed >= clock.target
                clock.spoiled = cause if spent else ""


def walk(happenings, now):
    """The clocks at minute `now`, of what happened at which minute, in order: (minute, what, words)."""
    ticket, left = Ticket(), list(happenings)
    minute = left[0][0]
    while True:
        if ticket.until is not None and ticket.until <= minute:
            ticket.until = None
        while left and left[0][0] == minute:
            _, what, words = left.pop(0)
            ticket.happen(minute, what, words)
            ticket.take_terms(words.get("cause", ""))
        for clock in ticket.live():
            if clock.outcome is None:
                if not ticket.runs(clock):
                    clock.due = None
                elif clock.consumed >= clock.target and clock.due is None:
                    clock.due = minute
        if minute == now:
            return [_said(ticket, clock, now) for clock in ticket.clocks]
        for clock in ticket.live():
            if ticket.runs(clock):
                if clock.outcome is None and clock.consumed >= clock.target:
                    clock.outcome = "missed"
                if clock.terms["calendar"].is_open(minute):
                    clock.consumed += 1
        minute += 1


def _said(ticket, clock, now):
    """As it stands; where it runs, or ran to its end, walked on until it is due."""
    due, minute = clock.due, clock.ended if clock.is_over else now
    if clock.outcome != "missed" and due is None and (clock.ran if clock.is_over else ticket.runs(clock)):
        missing = clock.target - clock.consumed
        while missing > 0:
            missing -= clock.terms["calendar"].is_open(minute)
            minute += 1
        due = minute
    return {
        "metric": clock.metric, "number": clock.number, "consumed": clock.consumed, "due": due,
        "outcome": clock.outcome, "spoiled": clock.spoiled,
    }  # fmt: skip
