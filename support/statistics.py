"""How support stands and how it does: the numbers of the dashboard, from indexes only."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, DurationField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Extract, TruncDate

from ondi.accounts.models import Membership
from ondi.common.aggregates import Percentiles
from support.models import Ticket, TicketClock, TicketEvent
from support.querysets import TicketQuerySet
from support.vocabulary import Metric, Outcome, Priority, TicketSource

PERIODS = (1, 7, 30)  # days
AGENTS_SHOWN = 20
LONGEST_SHOWN = 5
FRACTIONS = (0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Spread:
    """The median and the 90th percentile, in seconds; None where there is nothing to measure."""

    median: float | None
    ninetieth: float | None


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    opened: int
    closed: int


@dataclass(frozen=True, slots=True)
class Kept:
    """How many promises of a kind were kept, and how many were not."""

    metric: Metric
    met: int
    missed: int

    @property
    def percent(self) -> int:
        """Rounded down, so that a hundred means all of them."""
        return 100 * self.met // (self.met + self.missed)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`longest`: the tickets that wait longest for an answer. Pairs are (name, open tickets)."""

    open: int
    unassigned: int
    longest: Sequence[Ticket]
    by_priority: Sequence[tuple[Any, int]]
    by_source: Sequence[tuple[Any, int]]
    by_agent: Sequence[tuple[str, int]]
    opened: int
    closed: int
    first_response: Spread
    resolution: Spread
    days: Sequence[Day]
    kept: Sequence[Kept]


def dashboard_statistics(*, tenant_ids: Collection[UUID], days: int, zone: ZoneInfo, now: datetime) -> Dashboard:
    """The support of these tenants now, and over the last `days` days of this zone; seven statements.

    Closings count as they happened: what is reopened was closed nevertheless, so a day that is past keeps its figure.
    Times count for tickets opened in the period: to the first answer of an agent, and to being closed. Promises count
    when they were met, or were due.
    """
    tickets = Ticket.objects.in_tenants(tenant_ids)
    backlog = list(
        tickets.open().values("assignee_id", "priority", "source").annotate(number=Count("*")).order_by().values_list(
            "assignee_id", "priority", "source", "number")
    )  # fmt: skip
    by_agent, by_priority, by_source = Counter[UUID | None](), Counter[str](), Counter[str]()
    for agent, priority, source, number in backlog:
        by_agent[agent] += number
        by_priority[priority] += number
        by_source[source] += number
    begin = first_moment(days, zone, now)
    opened = tickets.filter(created_at__gte=begin)
    closings = TicketEvent.objects.in_tenants(tenant_ids).closings().filter(created_at__gte=begin)
    opened_on, closed_on = _by_day(opened, zone), _by_day(closings, zone)
    first_response, resolution = _spreads(opened)
    each_day = [begin.date() + timedelta(days=number) for number in range(days)]
    return Dashboard(
        open=sum(by_agent.values()),
        unassigned=by_agent.pop(None, 0),
        longest=list(tickets.longest_waiting(now)[:LONGEST_SHOWN]),
        by_priority=[(label, by_priority[value]) for value, label in reversed(Priority.choices)],
        by_source=[(label, by_source[value]) for value, label in TicketSource.choices],
        by_agent=_named(by_agent),
        opened=sum(opened_on.values()),
        closed=sum(closed_on.values()),
        first_response=first_response,
        resolution=resolution,
        days=[Day(day, opened_on.get(day, 0), closed_on.get(day, 0)) for day in each_day],
        kept=_kept(TicketClock.objects.in_tenants(tenant_ids).decided_since(begin)),
    )


def first_moment(days: int, zone: ZoneInfo, now: datetime) -> datetime:
    """When a period of so many days of this zone began, today being the last."""
    return datetime.combine(now.astimezone(zone).date() - timedelta(days=days - 1), datetime.min.time(), zone)


def _kept(decided: QuerySet[TicketClock]) -> list[Kept]:
    """Of each kind that was promised at all."""
    counted = decided.order_by().values("metric", "outcome").annotate(number=Count("*"))
    numbers = {(one["metric"], one["outcome"]): one["number"] for one in counted}
    each = [Kept(one, numbers.get((one, Outcome.MET), 0), numbers.get((one, Outcome.MISSED), 0)) for one in Metric]
    return [one for one in each if one.met or one.missed]


def _by_day(rows: QuerySet[Any], zone: ZoneInfo) -> dict[date, int]:
    day = TruncDate("created_at", tzinfo=zone)
    days = rows.annotate(day=day).values("day").annotate(number=Count("*")).order_by()
    return dict(days.values_list("day", "number"))


def _spreads(opened: TicketQuerySet) -> tuple[Spread, Spread]:
    found = opened.aggregate(
        first=Percentiles(_seconds_to("first_response_at"), FRACTIONS),
        resolved=Percentiles(_seconds_to("closed_at"), FRACTIONS),
    )
    first, resolved = found["first"] or (None, None), found["resolved"] or (None, None)
    return Spread(*first), Spread(*resolved)


def _seconds_to(field: str) -> Any:
    taken = ExpressionWrapper(F(field) - F("created_at"), output_field=DurationField())
    return Extract(taken, "epoch")


def _named(by_agent: Counter[UUID | None]) -> list[tuple[str, int]]:
    most = by_agent.most_common(AGENTS_SHOWN)
    names = Membership.objects.in_bulk([agent for agent, _number in most])
    return [(str(names[agent]), number) for agent, number in most if agent in names]
