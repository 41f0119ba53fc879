"""The product's clocks against a model that walks through time minute by minute; short forms of `make oracle`."""

from datetime import timedelta

import pytest

from support.sla import clock, hours
from tests.service_levels import timelines

SHORT = 60


@pytest.mark.parametrize("seed", range(4))
def test_clocks_say_what_a_walk_through_time_says(seed):
    """Given random timelines around changes of clocks, then consumed time, due time and outcome are the oracle's."""
    assert timelines.differences(seed, SHORT) == []


def test_what_was_kept_step_by_step_is_what_comes_out_anew():
    steps, found = timelines.steps_that_differ(7, 1_500)
    assert (steps >= 1_500, found) == (True, [])


@pytest.mark.parametrize(
    ("where", "name", "wrong"),
    [
        (clock.Clocks, "_miss", lambda self, now: None),
        (clock.Clock, "move", lambda self, terms, at, cause: setattr(self, "terms", terms)),
        (hours.Week, "of", lambda self, day: self.days[day.weekday()]),
        (hours.Hours, "between", lambda self, start, end: max(end - start, timedelta(0))),
        (clock.Clocks, "_reopened", clock.Clocks._customer_said),
    ],
    ids=lambda one: one if isinstance(one, str) else None,
)
def test_the_oracle_would_see_a_fault(monkeypatch, where, name, wrong):
    monkeypatch.setattr(where, name, wrong)
    if name == "_reopened":
        monkeypatch.setitem(clock._RULES, clock.What.REOPENED, wrong)
    assert timelines.differences(1, SHORT)
