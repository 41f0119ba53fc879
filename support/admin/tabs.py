"""The views of the queue: its tabs with their counts, and its filters."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import PAGE_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from ondi.accounts.models import Membership
from ondi.notifications.models import Notification
from ondi.notifications.querysets import NotificationQuerySet
from ondi.staff.entry import Staff, staff_at
from support.admin.pages import tickets_seen_by
from support.admin.periods import PeriodFilter, zone_asked
from support.models import Tag
from support.notices import MENTION
from support.querysets import DUE_FIRST, TicketQuerySet, capped_counts, newest_of
from support.statistics import PERIODS, first_moment
from support.vocabulary import Metric, Outcome, WaitingOn

COUNTED_AT_MOST = 1_000
TAB = "tab"
LONGEST_WAITING = ("-status", "waiting_on", "waiting_since", "id")


@dataclass(frozen=True, slots=True)
class Tab:
    """`mixes`: it has open and closed tickets, so each row says which."""

    label: str | Promise
    rows: Callable[[TicketQuerySet, Staff, datetime], TicketQuerySet]
    ordering: tuple[str, ...] | Callable[[Staff], tuple[Any, ...]] = LONGEST_WAITING
    mixes: bool = False

    def ordering_for(self, staff: Staff) -> tuple[Any, ...]:
        return self.ordering(staff) if callable(self.ordering) else self.ordering


def _mentions(staff: Staff) -> NotificationQuerySet:
    return Notification.objects.telling(staff, staff.membership_ids, MENTION)


TABS = {
    "unassigned": Tab(_("Unassigned"), lambda tickets, _staff, at: tickets.open().unassigned().not_snoozed(at)),
    "mine": Tab(_("Mine"), lambda tickets, staff, at: tickets.open().assigned_to(staff.membership_ids).not_snoozed(at)),
    "mentioned": Tab(
        _("Mentioned"), lambda tickets, staff, _at: tickets.told_of_by(_mentions(staff)),
        lambda staff: (newest_of(_mentions(staff)), "id"), mixes=True,
    ),
    "open": Tab(_("All open"), lambda tickets, _staff, _at: tickets.open()),
    "snoozed": Tab(_("Snoozed"), lambda tickets, _staff, at: tickets.snoozed(at), ("snoozed_until", "id")),
    "closed": Tab(_("Closed"), lambda tickets, _staff, _at: tickets.closed(), ("-closed_at", "-id")),
}  # fmt: skip
EVERYTHING = Tab(_("All"), lambda tickets, _staff, _at: tickets, mixes=True)


def ordering_of(request: HttpRequest) -> tuple[Any, ...]:
    """What is due first where that is asked for, else the tab's own order."""
    if request.GET.get(SortFilter.parameter_name) == SortFilter.DUE:
        return DUE_FIRST
    return tab_of(request).ordering_for(staff_at(request))


def chosen_tab(request: HttpRequest) -> str | None:
    """The tab asked for; without one the unassigned, but a search, a list of promises and a period look everywhere."""
    asked = request.GET.get(TAB)
    if asked in TABS:
        return asked
    narrowed = ("q", PromiseFilter.parameter_name, PeriodFilter.parameter_name)
    looks_everywhere = any(request.GET.get(name) for name in narrowed)
    return None if looks_everywhere else "unassigned"


def tab_of(request: HttpRequest) -> Tab:
    chosen = chosen_tab(request)
    return TABS[chosen] if chosen else EVERYTHING


def tab_links(request: HttpRequest) -> dict[str, Any]:
    """The tabs with their counts, and how many tickets wait for this very person; one statement."""
    staff, at = staff_at(request), timezone.now()
    tickets, chosen = tickets_seen_by(staff), chosen_tab(request)
    rows = {name: tab.rows(tickets, staff, at) for name, tab in TABS.items()}
    waiting = rows["mine"].filter(waiting_on=WaitingOn.AGENT)
    counts = capped_counts({**rows, "waiting": waiting}, COUNTED_AT_MOST)
    links = [
        {"name": name, "label": tab.label, "count": _shown(counts[name]), "chosen": name == chosen,
         "query": _query_of(request, name)}
        for name, tab in TABS.items()
    ]  # fmt: skip
    return {"tabs": links, "waiting": counts["waiting"]}


def _query_of(request: HttpRequest, name: str) -> str:
    """A tab's address: search and filters stay, the page begins anew."""
    kept = request.GET.copy()
    kept.pop(PAGE_VAR, None)
    kept[TAB] = name
    return f"?{kept.urlencode()}"


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on. `query`: the address of the list without it."""

    text: str
    query: str


def chips_of(changelist: Any, request: HttpRequest) -> list[Chip]:
    """What narrows the list beyond its tab, in words."""
    asked = request.GET
    chips = [Chip(f"“{asked['q']}”", changelist.get_query_string(remove=["q"]))] if asked.get("q") else []
    for spec in changelist.filter_specs:
        names = [name for name in spec.expected_parameters() if name != TAB and asked.get(name)]
        if names:
            words = dict(spec.lookup_choices if hasattr(spec, "lookup_choices") else spec.field.flatchoices)
            value = words.get(asked[names[0]], asked[names[0]])
            chips.append(Chip(f"{capfirst(spec.title)}: {value}", changelist.get_query_string(remove=names)))
    return chips


def waiting_for(staff: Staff) -> int:
    """How many open tickets of this person wait for their answer, counted a little beyond a thousand."""
    mine = TABS["mine"].rows(tickets_seen_by(staff), staff, timezone.now())
    return mine.filter(waiting_on=WaitingOn.AGENT).capped_count(COUNTED_AT_MOST)


def _shown(count: int) -> str:
    return f"{COUNTED_AT_MOST:,}+" if count > COUNTED_AT_MOST else f"{count:,}"


class TabFilter(SimpleListFilter):
    """The tab as a filter, so that it holds for paging, searching and bulk actions; shown as tabs only."""

    title, parameter_name, template = _("view"), TAB, "support/no_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, tab.label) for name, tab in TABS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, TicketQuerySet)
        return tab_of(request).rows(queryset, staff_at(request), timezone.now())


class TagFilter(SimpleListFilter):
    title, parameter_name = _("tag"), "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        tags = Tag.objects.in_tenants(staff_at(request).support_tenant_ids).order_by("name", "id")
        return [(str(tag.id), tag.name) for tag in tags]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = {key for key, _name in self.lookup_choices}
        return queryset.filter(tags=self.value()) if self.value() in known else queryset


class AssigneeFilter(DropdownFilter):  # type: ignore[misc]  # unfold ships no types
    """Whose tickets: of this person, of nobody, or of a colleague."""

    title, parameter_name = _("assignee"), "assignee"
    ME, NOBODY = "me", "nobody"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        staff = staff_at(request)
        people = Membership.objects.in_tenants(staff.support_tenant_ids).support_users()
        colleagues = people.exclude(id__in=staff.membership_ids).order_by("first_name", "last_name", "id")
        me = [(self.ME, _("Me"))] if staff.working_tenant_ids else []
        return [*me, (self.NOBODY, _("Nobody")), *((str(member.id), str(member)) for member in colleagues)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, TicketQuerySet)
        value = self.value()
        if value == self.ME:
            return queryset.assigned_to(staff_at(request).membership_ids)
        if value == self.NOBODY:
            return queryset.unassigned()
        known = {key for key, _name in self.lookup_choices}
        return queryset.assigned_to([UUID(value)]) if value in known else queryset


class PromiseFilter(SimpleListFilter):
    """Tickets with a promise that was met or missed in the last days: what the dashboard counts."""

    title, parameter_name = _("promises"), "promise"
    DAYS = 7

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        ends = (Outcome.MISSED, Outcome.MET)
        return [
            (promise_value(metric, end, self.DAYS), f"{metric.label}: {end.label}") for metric in Metric for end in ends
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, TicketQuerySet)
        metric, _dot, rest = (self.value() or "").partition(".")
        outcome, _dot, days = rest.partition(".")
        if metric not in Metric.values or outcome not in (Outcome.MET, Outcome.MISSED) or days not in map(str, PERIODS):
            return queryset
        return queryset.whose_promise(metric, outcome, first_moment(int(days), zone_asked(request), timezone.now()))


def promise_value(metric: Metric, outcome: Outcome, days: int) -> str:
    """What `PromiseFilter` takes."""
    return f"{metric.value}.{outcome.value}.{days}"


class SortFilter(SimpleListFilter):
    """In which order: the tab's own, or what is due first."""

    title, parameter_name = _("sorted by"), "sort"
    DUE = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(self.DUE, _("Due first"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class TenantFilter(SimpleListFilter):
    """For somebody who serves several tenants; from what entering returned, at no statement."""

    title, parameter_name = _("tenant"), "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        staff = staff_at(request)
        mine = [actor.tenant for actor in staff.actors if actor.tenant_id in staff.support_tenant_ids]
        return [(str(tenant.id), tenant.name) for tenant in mine] if len(mine) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = {key for key, _name in self.lookup_choices}
        return queryset.filter(tenant_id=self.value()) if self.value() in known else queryset


class AgeFilter(SimpleListFilter):
    title, parameter_name = _("opened"), "age"
    WITHIN = {"1": timedelta(days=1), "7": timedelta(days=7), "30": timedelta(days=30)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("1", _("In the last 24 hours")),
            ("7", _("In the last 7 days")),
            ("30", _("In the last 30 days")),
            ("older", _("Longer ago")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value, now = self.value(), timezone.now()
        if value == "older":
            return queryset.filter(created_at__lt=now - self.WITHIN["30"])
        return queryset.filter(created_at__gte=now - self.WITHIN[value]) if value in self.WITHIN else queryset
