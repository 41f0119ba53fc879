"""How support stands and how it does: the numbers of the dashboard, from indexes only."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, QuerySet
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
Rows = TypeVar("Rows", bound=QuerySet[Any])


@dataclass(frozen=True, slots=True)
class Spread:
    """The median and the 90th percentile, in seconds, of so many tickets; None where there is nothing to measure."""

    median: float | None
    ninetieth: float | None
    number: int


Spreads = tuple[Spread, Spread]


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
class Period:
    """What happened in some days."""

    opened: int
    closed: int
    first_response: Spread
    resolution: Spread
    kept: Sequence[Kept]


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin` to before `end`."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`longest`: the tickets that wait longest for an answer. Triples are (value, name, open tickets)."""

    open: int
    unassigned: int
    longest: Sequence[Ticket]
    by_priority: Sequence[tuple[str, Any, int]]
    by_source: Sequence[tuple[str, Any, int]]
    by_agent: Sequence[tuple[UUID, str, int]]
    days: Sequence[Day]
    now: Period
    before: Period

    @property
    def is_empty(self) -> bool:
        """Whether there has been no ticket for long."""
        return not (self.open or self.now.opened or self.now.closed or self.before.opened or self.before.closed)


def dashboard_statistics(*, tenant_ids: Collection[UUID], days: int, zone: ZoneInfo, now: datetime) -> Dashboard:
    """The support of these tenants now, over the last `days` days of this zone, and the days before; seven statements.

    Closings count as they happened: what is reopened was closed nevertheless, so a day that is past keeps its figure.
    Times count for tickets opened in the period: to the first answer of an agent, and to being closed. Promises count
    when they were met, or were due. The period before is told as it stood then: up to the same time of its last day.
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
    span, earlier = _spans(days, zone, now)
    opened = _within(tickets, span, earlier)
    closings = _within(TicketEvent.objects.in_tenants(tenant_ids).closings(), span, earlier)
    opened_on, closed_on = _by_day(opened, zone), _by_day(closings, zone)
    spreads, kept = _spreads(opened, span, earlier), _kept(tenant_ids, span, earlier)
    each_day = [span.begin.date() + timedelta(days=number) for number in range(days)]
    present = [Day(day, opened_on.pop(day, 0), closed_on.pop(day, 0)) for day in each_day]
    return Dashboard(
        open=sum(by_agent.values()),
        unassigned=by_agent.pop(None, 0),
        longest=list(tickets.longest_waiting(now)[:LONGEST_SHOWN]),
        by_priority=[(value, label, by_priority[value]) for value, label in reversed(Priority.choices)],
        by_source=[(value, label, by_source[value]) for value, label in TicketSource.choices],
        by_agent=_named(by_agent),
        days=present,
        now=Period(sum(day.opened for day in present), sum(day.closed for day in present), *spreads[0], kept[0]),
        before=Period(sum(opened_on.values()), sum(closed_on.values()), *spreads[1], kept[1]),
    )


def first_moment(days: int, zone: ZoneInfo, now: datetime) -> datetime:
    """When a period of so many days of this zone began, today being the last."""
    return datetime.combine(now.astimezone(zone).date() - timedelta(days=days - 1), datetime.min.time(), zone)


def _spans(days: int, zone: ZoneInfo, now: datetime) -> tuple[Span, Span]:
    """So many days up to now, and as many before them, up to the same time of the last one."""
    then = now.astimezone(zone) - timedelta(days=days)
    return Span(first_moment(days, zone, now), now), Span(first_moment(2 * days, zone, now), then)


def _within(rows: Rows, span: Span, earlier: Span) -> Rows:
    """Those of the two spans, by one range of an index; what is between them is passed over."""
    return rows.filter(created_at__gte=earlier.begin).exclude(created_at__gte=earlier.end, created_at__lt=span.begin)


def _kept(tenant_ids: Collection[UUID], span: Span, earlier: Span) -> tuple[list[Kept], list[Kept]]:
    """Of each kind that was promised at all, in either span."""
    decided = TicketClock.objects.in_tenants(tenant_ids).decided_since(earlier.begin)
    counted = decided.order_by().values_list("metric", "outcome").annotate(
        now=Count("decided_at", filter=Q(decided_at__gte=span.begin)),
        before=Count("decided_at", filter=Q(decided_at__lt=earlier.end)),
    )  # fmt: skip
    numbers = {(metric, outcome): number for metric, outcome, *number in counted}
    return _kept_in(numbers, 0), _kept_in(numbers, 1)


def _kept_in(numbers: Mapping[tuple[str, str], Sequence[int]], place: int) -> list[Kept]:
    none = (0, 0)
    each = [
        Kept(one, numbers.get((one, Outcome.MET), none)[place], numbers.get((one, Outcome.MISSED), none)[place])
        for one in Metric
    ]
    return [one for one in each if one.met or one.missed]


def _by_day(rows: QuerySet[Any], zone: ZoneInfo) -> dict[date, int]:
    day = TruncDate("created_at", tzinfo=zone)
    days = rows.annotate(day=day).values("day").annotate(number=Count("*")).order_by()
    return dict(days.values_list("day", "number"))


def _spreads(opened: TicketQuerySet, span: Span, earlier: Span) -> tuple[Spreads, Spreads]:
    """To the first answer and to the closing, of either span; of the earlier what had happened when it ended."""
    measured: dict[str, Any] = {}
    for field in ("first_response_at", "closed_at"):
        then = Q(**{"created_at__lt": earlier.end, f"{field}__lt": earlier.end})
        for when, those in (("now", Q(created_at__gte=span.begin)), ("before", then)):
            measured[f"{when}_{field}"] = Percentiles(_seconds_to(field), FRACTIONS, filter=those)
            measured[f"{when}_{field}_number"] = Count(field, filter=those)
    found = opened.aggregate(**measured)

    def spread(name: str) -> Spread:
        median, ninetieth = found[name] or (None, None)
        return Spread(median, ninetieth, found[f"{name}_number"])

    return (
        (spread("now_first_response_at"), spread("now_closed_at")),
        (spread("before_first_response_at"), spread("before_closed_at")),
    )


def _seconds_to(field: str) -> Any:
    taken = ExpressionWrapper(F(field) - F("created_at"), output_field=DurationField())
    return Extract(taken, "epoch")


def _named(by_agent: Counter[UUID | None]) -> list[tuple[UUID, str, int]]:
    most = by_agent.most_common(AGENTS_SHOWN)
    names = Membership.objects.in_bulk([agent for agent, _number in most])
    return [(agent, str(names[agent]), number) for agent, number in most if agent and agent in names]
