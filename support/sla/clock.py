"""The clocks of a ticket: from what happened to it, to time consumed, due times and outcomes. Pure, and exact.

The rules are those of `docs/agents.md`. A promise begins when it is made: without terms nothing is counted. Terms that
take the place of others go on with the time consumed so far; what was met, missed or ended moves no more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from support.sla.hours import Hours
from support.vocabulary import Metric, Outcome

NOTHING = timedelta(0)


class Pause(StrEnum):
    """What can stop clocks: that it is the customer's turn (their answer is owed by nobody else), and being snoozed."""

    CUSTOMER = "customer"
    SNOOZED = "snoozed"


class What(StrEnum):
    OPENED = "opened"
    CUSTOMER_SAID = "customer_said"
    AGENT_SAID = "agent_said"
    CLOSED = "closed"
    REOPENED = "reopened"
    MERGED = "merged"
    SNOOZED = "snoozed"
    TERMS = "terms"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is promised: a version of a policy, within the hours of a version of a calendar. `key`: which ones."""

    key: Any
    hours: Hours
    targets: Mapping[Metric, timedelta]
    pauses: frozenset[Pause] = frozenset({Pause.CUSTOMER})


@dataclass(frozen=True, slots=True)
class Happening:
    """`until`: when what is snoozed comes back by itself; None: at once. `waits_on_agent`: of what is reopened, where a
    fix put it back as it was.

    `terms`: from now on; None: no promise. `cause`: of those.
    """

    at: datetime
    what: What
    until: datetime | None = None
    waits_on_agent: bool = True
    terms: Terms | None = None
    cause: str = ""


@dataclass(slots=True)
class Clock:
    """One promise. `consumed`: until `since`, from when it has run; None while it is paused or over.

    `due_at`: None while it is paused, or years away. `was_promised`: it ever had a target. `spoiled_by`: what gave it
    one that was used up already.
    """

    metric: Metric
    number: int
    started_at: datetime
    terms: Terms | None = None
    consumed: timedelta = NOTHING
    since: datetime | None = None
    due_at: datetime | None = None
    was_promised: bool = False
    spoiled_by: str = ""
    ended_at: datetime | None = None
    outcome: Outcome | None = None

    @property
    def target(self) -> timedelta | None:
        return self.terms.targets.get(self.metric) if self.terms else None

    def consumed_at(self, now: datetime) -> timedelta:
        if self.since is None or self.terms is None:
            return self.consumed
        return self.consumed + self.terms.hours.between(self.since, now)

    def stop(self, at: datetime) -> None:
        self.consumed, self.since = self.consumed_at(at), None

    def move(self, terms: Terms | None, at: datetime, cause: str) -> None:
        self.stop(at)
        self.terms = terms
        self.was_promised = self.was_promised or self.target is not None
        self.spoiled_by = cause if self.target is not None and self.consumed >= self.target else ""

    def run(self, at: datetime) -> None:
        """From now, and due when what is left is used up."""
        assert self.terms is not None
        assert self.target is not None
        self.since = at
        if self.outcome is None:
            self.due_at = self.terms.hours.after(at, self.target - self.consumed)

    def end(self, at: datetime, outcome: Outcome) -> None:
        self.stop(at)
        self.ended_at = at
        if self.outcome is None:
            self.outcome = outcome if self.target is not None else Outcome.CANCELLED


@dataclass(slots=True)
class Clocks:
    """A ticket's clocks as what happened so far left them. `live`: of each metric the one that is not over."""

    clocks: list[Clock] = field(default_factory=list)
    live: dict[Metric, Clock] = field(default_factory=dict)
    terms: Terms | None = None
    is_open: bool = False
    waits_on_agent: bool = False
    snoozed_until: datetime | None = None

    def happen(self, one: Happening) -> None:
        """What happens next; never before what happened last."""
        self.pass_to(one.at)
        _RULES[one.what](self, one)
        self._settle(one.at, one.cause)

    def pass_to(self, now: datetime) -> None:
        """Let time pass: what is snoozed comes back, what is due is missed."""
        if self.snoozed_until is not None and self.snoozed_until <= now:
            at, self.snoozed_until = self.snoozed_until, None
            self._miss(at)
            self._settle(at)
        self._miss(now)

    def _miss(self, now: datetime) -> None:
        for clock in self.live.values():
            if clock.outcome is None and clock.due_at is not None and clock.due_at < now:
                clock.outcome = Outcome.MISSED

    def _settle(self, at: datetime, cause: str = "") -> None:
        """Stop what no longer runs, start what runs from now, and give the present terms to what has no outcome."""
        for clock in self.live.values():
            moves = clock.outcome is None and clock.terms != self.terms
            if moves:
                clock.move(self.terms, at, cause)
            runs = self.runs(clock)
            if runs and clock.since is None:
                clock.run(at)
            elif not runs:
                clock.stop(at)
                if clock.outcome is None:
                    clock.due_at = None

    def runs(self, clock: Clock) -> bool:
        """Whether it should, as the ticket stands."""
        if clock.terms is None or clock.target is None:
            return False
        if Pause.SNOOZED in clock.terms.pauses and self.snoozed_until is not None:
            return False
        return self.waits_on_agent or (clock.metric is Metric.RESOLUTION and Pause.CUSTOMER not in clock.terms.pauses)

    def _begin(self, metric: Metric, at: datetime, consumed: timedelta = NOTHING) -> None:
        number = sum(clock.metric is metric for clock in self.clocks) + 1
        self.live[metric] = Clock(metric, number, at, consumed=consumed)
        self.clocks.append(self.live[metric])

    def _end(self, metric: Metric, at: datetime, outcome: Outcome) -> None:
        if clock := self.live.pop(metric, None):
            clock.end(at, outcome)

    def _end_all(self, at: datetime, resolution: Outcome) -> None:
        self.is_open = self.waits_on_agent = False
        self.snoozed_until = None
        self._end(Metric.FIRST_RESPONSE, at, Outcome.CANCELLED)
        self._end(Metric.NEXT_RESPONSE, at, Outcome.CANCELLED)
        self._end(Metric.RESOLUTION, at, resolution)

    def _opened(self, one: Happening) -> None:
        self.is_open = self.waits_on_agent = True
        self._begin(Metric.FIRST_RESPONSE, one.at)
        self._begin(Metric.RESOLUTION, one.at)

    def _customer_said(self, one: Happening) -> None:
        if not self.is_open:
            return
        self.snoozed_until = None
        self.waits_on_agent = True
        if Metric.FIRST_RESPONSE not in self.live and Metric.NEXT_RESPONSE not in self.live:
            self._begin(Metric.NEXT_RESPONSE, one.at)

    def _agent_said(self, one: Happening) -> None:
        self.waits_on_agent = False
        self._end(Metric.FIRST_RESPONSE, one.at, Outcome.MET)
        self._end(Metric.NEXT_RESPONSE, one.at, Outcome.MET)

    def _closed(self, one: Happening) -> None:
        self._end_all(one.at, Outcome.MET)

    def _merged(self, one: Happening) -> None:
        self._end_all(one.at, Outcome.CANCELLED)

    def _reopened(self, one: Happening) -> None:
        """An answer is owed anew; the time to resolve it goes on, unless that was missed before."""
        if self.is_open:
            return
        self.is_open, self.waits_on_agent = True, one.waits_on_agent
        if self.waits_on_agent:
            self._begin(Metric.NEXT_RESPONSE, one.at)
        last = [clock for clock in self.clocks if clock.metric is Metric.RESOLUTION][-1]
        if last.outcome is not Outcome.MISSED:
            self._begin(Metric.RESOLUTION, one.at, last.consumed)

    def _snoozed(self, one: Happening) -> None:
        self.snoozed_until = one.until

    def _takes_terms(self, one: Happening) -> None:
        self.terms = one.terms


_RULES = {
    What.OPENED: Clocks._opened,
    What.CUSTOMER_SAID: Clocks._customer_said,
    What.AGENT_SAID: Clocks._agent_said,
    What.CLOSED: Clocks._closed,
    What.MERGED: Clocks._merged,
    What.REOPENED: Clocks._reopened,
    What.SNOOZED: Clocks._snoozed,
    What.TERMS: Clocks._takes_terms,
}


def clocks_after(happenings: Iterable[Happening], now: datetime) -> Clocks:
    """The clocks at `now` of a ticket to which this happened, in order."""
    found = Clocks()
    for one in happenings:
        found.happen(one)
    found.pass_to(now)
    return found
