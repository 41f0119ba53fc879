"""The admin's first page: how support stands, and what to do next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ondi.common.ids import parse_id
from ondi.staff.entry import Staff, staff_at, use_zone_of
from support.admin.pages import queue_url
from support.admin.tabs import tab_links
from support.queue.filters import ME, NOBODY, promise_value
from support.queue.periods import period_value
from support.statistics import PERIODS, Day, Kept, Spread, dashboard_statistics
from support.vocabulary import Outcome, WaitingOn

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
    to = Links(days, chosen[0].id if len(chosen) == 1 and len(tenants) > 1 else None, staff)
    now, before = figures.now, figures.before
    return {
        **context,
        **tab_links(request),
        "dashboard": figures,
        "title": _("Dashboard"),
        "tenants": tenants if len(tenants) > 1 else [],
        "chosen_tenant": chosen[0] if len(chosen) == 1 else None,
        "periods": [(number, label, number == days) for number, label in LABELS.items()],
        "compared": compared(days),
        "links": to.all(),
        "grown": grown(now.opened - now.closed),
        "opened": {"number": now.opened, "change": more_or_fewer(now.opened, before.opened)},
        "closed": {"number": now.closed, "change": more_or_fewer(now.closed, before.closed, is_good=True)},
        "times": [
            _in_words(_("first answer, median"), now.first_response, before.first_response, to.happened("answered")),
            _in_words(_("until closed, median"), now.resolution, before.resolution, to.happened("resolved")),
        ],
        "bars": [_bar(day, tallest, to) for day in figures.days],
        "kept": [_kept(one, before.kept, to) for one in now.kept],
        "backlogs": [
            ("wb-by-priority", _("By priority"), _with_shares(figures.by_priority, to.open_with("priority"))),
            ("wb-by-source", _("By source"), _with_shares(figures.by_source, to.open_with("source"))),
            ("wb-by-agent", _("Per agent"), _with_shares(figures.by_agent, to.open_of)),
        ],
        "can_work": bool(staff.working_tenant_ids),
    }


@dataclass(frozen=True, slots=True)
class Links:
    """The lists of the tickets that the numbers count. `tenant_id`: where one of several is chosen."""

    days: int
    tenant_id: UUID | None
    staff: Staff

    def all(self) -> dict[str, str]:
        return {
            "open": self.queue(tab="open"),
            "unassigned": self.queue(tab="open", assignee=NOBODY),
            "waiting": f"{queue_url()}?tab=mine&waiting_on={WaitingOn.AGENT.value}",  # in every tenant
            "opened": self.happened("opened"),
            "closed": self.happened("closed"),
        }

    def happened(self, what: str) -> str:
        return self.queue(period=period_value(what, self.days))

    def queue(self, **asked: object) -> str:
        narrowed = {**asked, "tenant": self.tenant_id} if self.tenant_id else asked
        return f"{queue_url()}?{urlencode(narrowed)}"

    def open_with(self, field: str) -> Callable[[object], str]:
        return lambda value: self.queue(**{"tab": "open", field: value})

    def open_of(self, agent: UUID) -> str:
        """An agent's, who may be the one who looks."""
        own = next((actor.tenant_id for actor in self.staff.actors if actor.membership_id == agent), None)
        if own is None:
            return self.queue(tab="open", assignee=agent)
        return replace(self, tenant_id=own).queue(tab="open", assignee=ME)


@dataclass(frozen=True, slots=True)
class Change:
    """Against the period before. `mood`: whether that is "good" or "bad", or neither."""

    sign: str
    words: str
    mood: str = ""

    @property
    def judged(self) -> str:
        return {"good": _("better"), "bad": _("worse")}.get(self.mood, "")


def _change(difference: float, more: str, fewer: str, same: str, good: int = 0) -> Change:
    """`good`: 1 where more is good, -1 where less is, 0 where neither."""
    if not difference:
        return Change("=", same)
    is_up = difference > 0
    mood = "" if not good else "good" if is_up == (good > 0) else "bad"
    return Change("▲" if is_up else "▼", more if is_up else fewer, mood)


def more_or_fewer(now: int, before: int, *, is_good: bool = False) -> Change:
    number = abs(now - before)
    return _change(
        now - before,
        ngettext("%(number)d more than before", "%(number)d more than before", number) % {"number": number},
        ngettext("%(number)d fewer than before", "%(number)d fewer than before", number) % {"number": number},
        _("as many as before"),
        int(is_good),
    )


def grown(number: int) -> Change:
    """What the period did to the number of open tickets."""
    much = abs(number)
    return _change(
        number,
        ngettext("%(number)d more opened than closed", "%(number)d more opened than closed", much) % {"number": much},
        ngettext("%(number)d more closed than opened", "%(number)d more closed than opened", much) % {"number": much},
        _("as many closed as opened"),
        -1,
    )


def sooner_or_later(now: float | None, before: float | None) -> Change | None:
    """Of two spans in seconds; None where there is nothing to compare."""
    if now is None or before is None:
        return None
    minutes = round(now / 60) - round(before / 60)
    span = {"span": duration(60 * abs(minutes))}
    later, sooner = _("%(span)s later than before") % span, _("%(span)s sooner than before") % span
    return _change(minutes, later, sooner, _("as soon as before"), -1)


def points(now: int, before: int) -> Change:
    number = {"number": abs(now - before)}
    up, down = _("%(number)d points more than before") % number, _("%(number)d points fewer than before") % number
    return _change(now - before, up, down, _("as many as before"), 1)


def compared(days: int) -> str:
    if days == 1:
        return _("Compared with yesterday, up to this time of day.")
    return ngettext(
        "Compared with the %(days)d day before, up to this time of day.",
        "Compared with the %(days)d days before, up to this time of day.", days,
    ) % {"days": days}  # fmt: skip


def _bar(day: Day, tallest: int, to: Links) -> dict[str, Any]:
    links = {what: to.queue(period=period_value(what, day.date)) for what in ("opened", "closed")}
    return {"day": day, "opened": 100 * day.opened / tallest, "closed": 100 * day.closed / tallest, "links": links}


def _kept(kept: Kept, before: Sequence[Kept], to: Links) -> dict[str, Any]:
    """A kind of promise with the lists of its tickets."""
    links = {
        outcome.value: to.queue(promise=promise_value(kept.metric, outcome, to.days))
        for outcome in (Outcome.MET, Outcome.MISSED)
    }
    then = next((one for one in before if one.metric == kept.metric), None)
    change = points(kept.percent, then.percent) if then else None
    return {"label": kept.metric.label, "kept": kept, "links": links, "change": change}


def _with_shares(rows: Sequence[tuple[Any, Any, int]], link: Callable[[Any], str]) -> list[dict[str, Any]]:
    most = max([1, *(number for _value, _name, number in rows)])
    return [
        {"name": name, "number": number, "share": 100 * number / most, "link": link(value)}
        for value, name, number in rows
    ]


def _in_words(label: str, now: Spread, before: Spread, link: str) -> dict[str, Any]:
    change, number = sooner_or_later(now.median, before.median), {"number": now.number}
    return {
        "label": label,
        "link": link,
        "median": duration(now.median),
        "ninetieth": duration(now.ninetieth) if now.number else "",
        "among": ngettext("%(number)d ticket", "%(number)d tickets", now.number) % number,
        "change": change,
    }


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
