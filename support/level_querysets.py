"""Reads of what is promised, and of clocks."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Extract, JSONObject

from ondi.common.querysets import TenantQuerySet

if TYPE_CHECKING:
    from support.models import Calendar, CalendarVersion, PolicyVersion, TicketClock, TicketTerms  # noqa: F401


class CalendarVersionQuerySet(TenantQuerySet["CalendarVersion"]):
    def newest(self) -> "CalendarVersionQuerySet":
        """One of each calendar."""
        return self.order_by("calendar_id", "-number").distinct("calendar_id")


class PolicyVersionQuerySet(TenantQuerySet["PolicyVersion"]):
    def in_force(self) -> "list[PolicyVersion]":
        """The newest of each active policy, in the order in which they are tried."""
        newest = self.filter(policy__is_active=True).order_by("policy_id", "-number").distinct("policy_id")
        return in_order(newest.select_related("policy"))


def in_order(versions: "Iterable[PolicyVersion]") -> "list[PolicyVersion]":
    """As they are tried."""
    return sorted(versions, key=lambda one: (one.policy.position, one.policy_id))


class TicketTermsQuerySet(TenantQuerySet["TicketTerms"]):
    def of_tickets(self, ticket_ids: Collection[UUID]) -> "TicketTermsQuerySet":
        """In the order in which they held."""
        return self.filter(ticket__in=ticket_ids).order_by("created_at", "id")

    def newest_of(self, ticket_ids: Collection[UUID]) -> "TicketTermsQuerySet":
        """The terms that each of these tickets has now."""
        return self.filter(ticket__in=ticket_ids).order_by("ticket_id", "-created_at", "-id").distinct("ticket_id")


class TicketClockQuerySet(TenantQuerySet["TicketClock"]):
    def of_tickets(self, ticket_ids: Collection[UUID]) -> "TicketClockQuerySet":
        return self.filter(ticket__in=ticket_ids).order_by("metric", "number")

    def decided_since(self, begin: datetime) -> "TicketClockQuerySet":
        """Met or missed since then."""
        return self.filter(decided_at__gte=begin)

    def by_calendar(self, calendar: "Calendar") -> "TicketClockQuerySet":
        """What runs, or may run again, by hours of this calendar."""
        return self.filter(ended_at=None, outcome="", calendar_version__calendar=calendar)

    def under_former_versions(self, calendar: "Calendar") -> "TicketClockQuerySet":
        """What runs, or may run again, by hours that are no longer its newest."""
        former = list(calendar.versions.order_by("-number").values_list("id", flat=True)[1:])
        return self.filter(ended_at=None, outcome="", calendar_version__in=former)

    def as_json(self) -> QuerySet["TicketClock", Any]:
        """What is shown of each, in one column."""
        seconds = Extract("target", "epoch")
        shown = JSONObject(metric="metric", number="number", due_at="due_at", running_since="running_since",
                           outcome="outcome", ended_at="ended_at", target=seconds, spoiled_by="spoiled_by")  # fmt: skip
        return self.order_by("metric", "number").values_list(shown)
