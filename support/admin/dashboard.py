"""The admin's first page: how support stands, and what to do next."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ondi.common.ids import parse_id
from ondi.staff.entry import staff_at, use_zone_of
from support.admin.pages import queue_url
from support.admin.tabs import promise_value, tab_links
from support.statistics import PERIODS, Kept, Spread, dashboard_statistics
from support.vocabulary import Outcome

LABELS = dict(zip(PERIODS, (gettext_lazy("Today"), gettext_lazy("7 days"), gettext_lazy("30 days")), strict=True))


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the dashboard shows to people who see tickets; unfold calls this. Others get the list of screens."""
    staff = staff_at(request)
    if not staff.support_tenant_ids:
        return context
    tenants = [actor.tenant for actor in staff.actors if actor.tenant_id in staff.support_tenant_ids]
    chosen_id = parse_id(request.GET.get("tenant"))
    chosen = [tenant for tenant in tenants if tenant.id == chosen_id] or tenants
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(period) for period in PERIODS} else 7
    tenant_ids = [tenant.id for tenant in chosen]
    zone = use_zone_of(request, *tenant_ids)
    figures = dashboard_statistics(tenant_ids=tenant_ids, days=days, zone=zone, now=timezone.now())
    tallest = max([1, *(max(day.opened, day.closed) for day in figures.days)])
    return {
        **context,
        **tab_links(request),
        "dashboard": figures,
        "title": _("Dashboard"),
        "tenants": tenants if len(tenants) > 1 else [],
        "chosen_tenant": chosen[0] if len(chosen) == 1 else None,
        "periods": [(number, label, number == days) for number, label in LABELS.items()],
        "kept": [_with_links(one, days, chosen[0].id if chosen != tenants else None) for one in figures.kept],
        "first_response": _in_words(figures.first_response),
        "resolution": _in_words(figures.resolution),
        "bars": [
            {"day": day, "opened": 100 * day.opened / tallest, "closed": 100 * day.closed / tallest}
            for day in figures.days
        ],
        "backlogs": [
            (_("By priority"), _with_shares(figures.by_priority)),
            (_("By source"), _with_shares(figures.by_source)),
            (_("Per agent"), _with_shares(figures.by_agent)),
        ],
        "can_work": bool(staff.working_tenant_ids),
    }


def _with_links(kept: Kept, days: int, tenant_id: UUID | None) -> dict[str, Any]:
    """A kind of promise with the lists of its tickets."""
    more = f"&tenant={tenant_id}" if tenant_id else ""
    links = {
        outcome.value: f"{queue_url()}?promise={promise_value(kept.metric, outcome, days)}{more}"
        for outcome in (Outcome.MET, Outcome.MISSED)
    }
    return {"label": kept.metric.label, "percent": kept.percent, "met": kept.met, "missed": kept.missed, "links": links}


def _with_shares(pairs: Any) -> list[tuple[Any, int, float]]:
    most = max([1, *(number for _name, number in pairs)])
    return [(name, number, 100 * number / most) for name, number in pairs]


def _in_words(spread: Spread) -> dict[str, str]:
    return {"median": duration(spread.median), "ninetieth": duration(spread.ninetieth)}


def duration(seconds: float | None) -> str:
    """A span in its two largest units; a dash where there is none."""
    if seconds is None:
        return "–"
    minutes = round(seconds / 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return _("%(days)d d %(hours)d h") % {"days": days, "hours": hours}
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes % 60}
    return _("%(minutes)d min") % {"minutes": minutes}
