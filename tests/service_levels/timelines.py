"""Random timelines, told to the product and to the oracle in the words of each.

`python -m tests.service_levels.timelines` (`make oracle`) compares many; the suite a few.
"""

import os
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from support.sla.clock import Clocks, Happening, Pause, Terms, What, clocks_after
from support.sla.hours import DAY, Hours, Week, Window
from support.vocabulary import Metric
from tests.service_levels import oracle

MINUTE = timedelta(minutes=1)
ZONES = (
    "Africa/Cairo", "Asia/Beirut", "Africa/Casablanca", "Europe/Berlin", "America/New_York", "Asia/Baghdad",
    "Asia/Amman", "Asia/Gaza", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "Pacific/Apia",
)  # fmt: skip
# Days on which the clocks of one of them change, or a day is left out: more than half of the timelines lie there.
CHANGES = tuple(
    date.fromisoformat(day)
    for day in (
        "2023-04-28", "2023-10-27", "2024-03-31", "2024-10-27", "2024-03-10", "2024-11-03", "2024-04-07", "2024-09-08",
        "2024-04-14", "2022-10-28", "2011-12-30", "2024-04-20", "2024-10-06", "2025-03-30", "2025-02-23",
    )
)  # fmt: skip
LENGTH = 4 * DAY
WORDS = ("customer_said", "customer_said", "agent_said", "agent_said", "closed", "snoozed", "terms", "terms", "merged")
CAUSES = ("delivery", "priority", "policy", "calendar")
TARGETS = (1, 15, 60, 240, 600, 1_440)
OF_ONE_CALENDAR = 20


def minute_of(at: datetime) -> int:
    return (at - oracle.START) // MINUTE


def moment(minute: int) -> datetime:
    return oracle.START + timedelta(minutes=minute)


class Calendar:
    """One for both."""

    def __init__(self, dice: random.Random, day: date) -> None:
        zone, days = dice.choice(ZONES), [windows(dice) for _weekday in range(7)]
        days[dice.randrange(7)] = [(9 * 60, 17 * 60)]  # it opens some day
        exceptions = {
            (day + timedelta(days=dice.randrange(-2, 7))).isoformat(): windows(dice)
            for _one in range(dice.choice((0, 0, 1, 3)))
        }
        self.plain = oracle.Calendar(zone, days, exceptions)
        said = {date.fromisoformat(text): _windows(one) for text, one in exceptions.items()}
        self.hours = Hours(Week(zone, tuple(map(_windows, days)), said))


def windows(dice: random.Random) -> list[tuple[int, int]]:
    """None, the whole day, or up to three, of a minute or of hours, the last one maybe past midnight."""
    kind = dice.random()
    if kind < 0.15:
        return []
    if kind < 0.25:
        return [(0, DAY)]
    cuts = sorted(dice.sample(range(0, DAY + 600, dice.choice((1, 15, 60))), dice.choice((2, 2, 4, 6))))
    return [(start, end) for start, end in zip(cuts[::2], cuts[1::2], strict=True) if start < DAY]


def _windows(several: list[tuple[int, int]]) -> tuple[Window, ...]:
    return tuple(Window(*one) for one in several)


@dataclass
class Timeline:
    """What happens to one ticket, for the product and for the oracle; when one asks."""

    ours: list[Happening]
    plain: list[tuple[int, str, dict[str, Any]]]
    now: int


def timelines(seed: int, count: int) -> Iterator[Timeline]:
    dice = random.Random(seed)
    for number in range(count):
        if number % OF_ONE_CALENDAR == 0:
            day = date(2024, 1, 1) + timedelta(days=dice.randrange(700))
            day = dice.choice(CHANGES) if dice.random() < 0.6 else day
            first = minute_of(datetime(day.year, day.month, day.day, tzinfo=UTC)) - 2 * DAY
            calendars = [Calendar(dice, day) for _one in range(3)]
            for one in calendars:
                one.plain.is_open(first)
        yield timeline(dice, calendars, first + dice.randrange(2 * DAY))


def timeline(dice: random.Random, calendars: list[Calendar], at: int) -> Timeline:
    last, is_open, made = at + LENGTH, True, Timeline([], [], 0)
    _add(made, dice, calendars, at, "opened")
    if dice.random() < 0.9:
        _add(made, dice, calendars, at, "terms")
    for _one in range(dice.randrange(1, 14)):
        at += dice.choice((0, 1, 5, 30, 200, 700)) * dice.randrange(1, 3)
        what = dice.choice(WORDS) if is_open else dice.choice(("reopened", "reopened", "terms"))
        if at > last:
            break
        if what == "merged" and dice.random() < 0.7:
            continue
        _add(made, dice, calendars, at, what)
        is_open = what == "reopened" or (is_open and what not in ("closed", "merged"))
        if what == "merged":
            break
    made.now = at + dice.choice((0, 1, 60, 600, 2_000))
    return made


def _add(made: Timeline, dice: random.Random, calendars: list[Calendar], at: int, what: str) -> None:
    until = at + dice.choice((1, 30, 300, 1_000)) if what == "snoozed" and dice.random() < 0.8 else None
    on_agent, cause = dice.random() < 0.8, dice.choice(CAUSES) if what == "terms" else ""
    ours, plain = _terms(dice, calendars) if what == "terms" else (None, None)
    made.ours.append(Happening(moment(at), What(what), moment(until) if until else None, on_agent, ours, cause))
    made.plain.append((at, what, {"until": until, "on_agent": on_agent, "terms": plain, "cause": cause}))


def _terms(dice: random.Random, calendars: list[Calendar]) -> tuple[Terms | None, dict[str, Any] | None]:
    if dice.random() < 0.1:
        return None, None
    calendar = dice.choice(calendars)
    targets = {one.value: dice.choice((*TARGETS, dice.randrange(1, 900))) for one in Metric if dice.random() < 0.85}
    pauses = {one.value for one in Pause if dice.random() < 0.6}
    promised = {Metric(name): timedelta(minutes=many) for name, many in targets.items()}
    ours = Terms(dice.random(), calendar.hours, promised, frozenset(map(Pause, pauses)))
    return ours, {"targets": targets, "pauses": pauses, "calendar": calendar.plain}


def said(clocks: Clocks, now: datetime) -> list[dict[str, Any]]:
    """What the product says, in the oracle's words."""
    return [
        {
            "metric": one.metric.value,
            "number": one.number,
            "consumed": one.consumed_at(now) / MINUTE,
            "due": minute_of(one.due_at) if one.due_at else None,
            "outcome": one.outcome.value if one.outcome else None,
            "spoiled": one.spoiled_by,
        }
        for one in clocks.clocks
    ]


def difference(one: Timeline) -> str:
    """What the product and the oracle say differently of a timeline; empty where it is the same."""
    now = moment(one.now)
    found, wanted = said(clocks_after(one.ours, now), now), oracle.walk(one.plain, one.now)
    return "" if found == wanted else f"{one.plain}\nnow {one.now}\nproduct {found}\noracle  {wanted}"


def differences(seed: int, count: int) -> list[str]:
    return [told for one in timelines(seed, count) if (told := difference(one))]


def steps_that_differ(seed: int, steps: int) -> tuple[int, list[str]]:
    """After each thing that happens: clocks that were kept step by step beside those from the beginning.

    How many steps were compared, and what differed.
    """
    done, found = 0, []
    for one in timelines(seed, steps):
        kept = Clocks()
        for number, happening in enumerate(one.ours, start=1):
            kept.happen(happening)
            anew = clocks_after(one.ours[:number], happening.at)
            done += 1
            if said(kept, happening.at) != said(anew, happening.at) or kept.live.keys() != anew.live.keys():
                found.append(f"{one.plain[:number]}")
        if done >= steps:
            break
    return done, found


def main() -> None:
    count, steps = int(os.environ.get("TIMELINES", "100000")), int(os.environ.get("STEPS", "1000000"))
    pieces = 2 * (os.cpu_count() or 1)
    with ProcessPoolExecutor() as pool:
        found = [one for many in pool.map(differences, range(pieces), [count // pieces] * pieces) for one in many]
        sys.stdout.write(
            f"{count:,} timelines in {len(ZONES)} zones: "
            f"{len(found)} differences in consumed time, due time or outcome\n"
        )
        kept = list(pool.map(steps_that_differ, range(pieces, 2 * pieces), [steps // pieces] * pieces))
    otherwise = [one for _done, many in kept for one in many]
    sys.stdout.write(f"{sum(done for done, _many in kept):,} steps: {len(otherwise)} kept otherwise than anew\n")
    if found or otherwise:
        sys.exit([*found, *otherwise][0])


if __name__ == "__main__":
    main()
