"""The queue's filter by what happened when: the tickets that the dashboard counts."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ondi.common.ids import parse_id
from ondi.staff.entry import staff_at
from support.models import TicketEvent
from support.statistics import PERIODS, first_moment

Happening = Callable[[QuerySet[Any], dict[str, datetime]], QuerySet[Any]]


def _closed(tickets: QuerySet[Any], within: dict[str, datetime]) -> QuerySet[Any]:
    return tickets.filter(id__in=TicketEvent.objects.closings().filter(**within).values("ticket_id"))


HAPPENED: dict[str, tuple[str | Promise, Happening]] = {
    "opened": (gettext_lazy("opened"), lambda tickets, within: tickets.filter(**within)),
    "closed": (gettext_lazy("closed"), _closed),
    "answered": (
        gettext_lazy("opened and answered"),
        lambda tickets, within: tickets.filter(first_response_at__isnull=False, **within),
    ),
    "resolved": (
        gettext_lazy("opened and closed"), lambda tickets, within: tickets.filter(closed_at__isnull=False, **within),
    ),
}  # fmt: skip


class PeriodFilter(SimpleListFilter):
    """Tickets to which something happened in the last days, or on one day; said by its chip, and chosen by links."""

    title, parameter_name, template = gettext_lazy("period"), "period", "support/no_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = request.GET.get(self.parameter_name, "")
        what, _dot, when = asked.partition(".")
        known = what in HAPPENED and _within(when, zone_asked(request))
        return [(asked, f"{HAPPENED[what][0]}, {_in_words(when)}")] if known else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        what, _dot, when = (self.value() or "").partition(".")
        within = _within(when, zone_asked(request))
        return HAPPENED[what][1](queryset, within) if what in HAPPENED and within else queryset


def period_value(what: str, when: int | date) -> str:
    """What `PeriodFilter` takes. `when`: the last so many days, or one day."""
    return f"{what}.{when}"


def zone_asked(request: HttpRequest) -> ZoneInfo:
    """In which zone this list's days begin: that of the tenant asked for, else of all whose tickets one sees."""
    staff = staff_at(request)
    asked = parse_id(request.GET.get("tenant"))
    return staff.zone_in(*([asked] if asked in staff.support_tenant_ids else staff.support_tenant_ids))


def _within(when: str, zone: ZoneInfo) -> dict[str, datetime]:
    """The conditions on a moment; none where `when` is neither a period nor a day."""
    if when in map(str, PERIODS):
        return {"created_at__gte": first_moment(int(when), zone, timezone.now())}
    try:
        begin = datetime.combine(date.fromisoformat(when), datetime.min.time(), zone)
        return {"created_at__gte": begin, "created_at__lt": begin + timedelta(days=1)}
    except (ValueError, OverflowError):
        return {}


def _in_words(when: str) -> str:
    if when in map(str, PERIODS):
        days = int(when)
        return (
            _("today")
            if days == 1
            else ngettext("the last %(days)d day", "the last %(days)d days", days) % {"days": days}
        )
    return date_format(date.fromisoformat(when), "j F Y")
