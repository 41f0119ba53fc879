"""What the queue can be narrowed by. Values of one filter add up; several filters narrow each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from conversations.models import Participant
from support.models import TicketClock, TicketTag
from support.queue.known import Known
from support.queue.periods import happened, is_period, period_in_words
from support.queue.reader import Reader
from support.statistics import PERIODS, first_moment
from support.vocabulary import Metric, Outcome, Priority, TicketSource, TicketStatus, WaitingOn

Words = str | Promise
ME, NOBODY = "me", "nobody"
OVERDUE, TODAY, YES = "overdue", "today", "yes"
OLDER = "older"
WITHIN = {"1": timedelta(days=1), "7": timedelta(days=7), "30": timedelta(days=30)}
PROMISE_DAYS = 7


@dataclass(frozen=True, slots=True)
class Filter:
    """`choices`: which values there are, and how they are called; `accepts`: whether one that is no choice is taken.

    `says`: what such a one is called. `only_open`: no closed ticket has any of it.
    """

    name: str
    label: Words
    choices: Callable[[Known], Mapping[str, Words]]
    where: Callable[[Sequence[str], Reader], Q]
    accepts: Callable[[str], bool] = lambda _value: False
    says: Callable[[str], Words] = str
    only_open: bool = False

    def takes(self, value: str, known: Known) -> bool:
        return value in self.choices(known) or self.accepts(value)

    def word_for(self, value: str, known: Known) -> Words:
        return self.choices(known).get(value) or self.says(value)


def _in_column(column: str) -> Callable[[Sequence[str], Reader], Q]:
    return lambda values, _reader: Q(**{f"{column}__in": values})


def _assigned(values: Sequence[str], reader: Reader) -> Q:
    ids = [UUID(value) for value in values if value not in (ME, NOBODY)]
    if ME in values:
        ids += reader.membership_ids
    theirs = Q(assignee__in=ids)
    return theirs | Q(assignee=None) if NOBODY in values else theirs


def _tagged(values: Sequence[str], _reader: Reader) -> Q:
    of_ticket = {"tenant_id": OuterRef("tenant_id"), "ticket_id": OuterRef("pk")}
    return Q(Exists(TicketTag.objects.filter(**of_ticket, tag__in=[UUID(value) for value in values])))


def _opened(values: Sequence[str], reader: Reader) -> Q:
    within = [WITHIN[value] for value in values if value in WITHIN]
    found = Q(created_at__gte=reader.now - max(within)) if within else Q()
    return found | Q(created_at__lt=reader.now - WITHIN["30"]) if OLDER in values else found


def _due(values: Sequence[str], reader: Reader) -> Q:
    begin, end = reader.today()
    found = Q(due_at__lt=reader.now) if OVERDUE in values else Q()
    return Q(status=TicketStatus.OPEN) & (found | Q(due_at__gte=begin, due_at__lt=end) if TODAY in values else found)


def _unread(_yes: Sequence[str], reader: Reader) -> Q:
    """Open ones in which something was said since this person read; they take part in it.

    First which are theirs, by an index alone: a person has taken part in very many that are closed.
    """
    theirs = {"tenant_id": OuterRef("tenant_id"), "conversation_id": OuterRef("conversation_id")}
    part = Participant.objects.filter(**theirs, membership__in=reader.membership_ids)
    behind = part.present().filter(conversation__message_count__gt=F("last_read_sequence"))
    return Q(Exists(part), Exists(behind), status=TicketStatus.OPEN)


def _promised(values: Sequence[str], reader: Reader) -> Q:
    found = Q()
    for value in values:
        metric, outcome, days = value.split(".")
        since = first_moment(int(days), reader.zone, reader.now)
        clocks = TicketClock.objects.decided_since(since).filter(
            tenant_id=OuterRef("tenant_id"), ticket_id=OuterRef("pk"), metric=metric, outcome=outcome
        )
        found |= Q(Exists(clocks))
    return found


def promise_value(metric: Metric, outcome: Outcome, days: int) -> str:
    """What the filter `promise` takes."""
    return f"{metric.value}.{outcome.value}.{days}"


def _promises(_known: Known) -> dict[str, Words]:
    ends = (Outcome.MISSED, Outcome.MET)
    return {
        promise_value(metric, end, PROMISE_DAYS): f"{metric.label}: {end.label}" for metric in Metric for end in ends
    }


def _is_promise(value: str) -> bool:
    """Of any period that the dashboard has."""
    metric, _dot, rest = value.partition(".")
    end, _dot, days = rest.partition(".")
    return metric in Metric.values and end in (Outcome.MISSED, Outcome.MET) and days in map(str, PERIODS)


def _assignees(known: Known) -> dict[str, Words]:
    mine: dict[str, Words] = {ME: _("Me")} if known.can_be_mine else {}
    return {**mine, NOBODY: _("Nobody"), **known.people}


_TURNS = {WaitingOn.AGENT.value: _("Ours"), WaitingOn.CUSTOMER.value: _("The customer's")}
_OPENED = {
    "1": _("In the last 24 hours"), "7": _("In the last 7 days"), "30": _("In the last 30 days"),
    OLDER: _("Longer ago"),
}  # fmt: skip
_DUE = {OVERDUE: _("Overdue"), TODAY: _("Due today")}

FILTERS = {
    one.name: one
    for one in (
        Filter("assignee", _("assignee"), _assignees, _assigned),
        Filter("priority", _("priority"), lambda _known: dict(reversed(Priority.choices)), _in_column("priority")),
        Filter("waiting_on", _("turn"), lambda _known: _TURNS, _in_column("waiting_on"), only_open=True),
        Filter("due", _("due"), lambda _known: _DUE, _due, only_open=True),
        Filter("tag", _("tag"), lambda known: known.tags, _tagged),
        Filter("unread", _("unread"), lambda _known: {YES: _("Unread by me")}, _unread, only_open=True),
        Filter("source", _("source"), lambda _known: dict(TicketSource.choices), _in_column("source")),
        Filter("age", _("opened"), lambda _known: _OPENED, _opened),
        Filter("promise", _("promises"), _promises, _promised, _is_promise),
        Filter("period", _("period"), lambda _known: {}, happened, is_period, period_in_words),
        Filter("tenant", _("tenant"), lambda known: known.tenants, _in_column("tenant_id")),
    )
}
