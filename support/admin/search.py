"""One search for tickets, people, orders and deliveries, from every page of the admin."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deliveries.models import Delivery
from ondi.accounts.models import Membership
from ondi.common.text import shows_nothing
from ondi.staff.entry import Staff, staff_at
from orders.models import Order
from support.admin.pages import tickets_seen_by
from support.admin.phone import new_caller_url, phone_url
from support.querysets import RowCount
from support.searching import Asked, asked_by, tickets_found

SHOWN, COUNTED_AT_MOST = 10, 100


@dataclass(frozen=True, slots=True)
class Line:
    """One thing found. `call`: where a ticket is opened for this customer."""

    row: Any
    url: str
    call: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind. `more`: the address of the list that has all of them, where not all stand here."""

    title: str | Promise
    kind: str
    lines: Sequence[Line]
    count: str
    more: str


def search(request: HttpRequest) -> HttpResponse:
    """What is found, a few of each kind. What narrows tickets has only tickets found."""
    staff, text = staff_at(request), request.GET.get("q", "")
    asked = asked_by(text)
    groups, faults = _found(request, staff, asked, text)
    can_work = bool(staff.working_tenant_ids)
    context = {
        "title": _("Search"),
        "text": text,
        "is_asked": not shows_nothing(text),
        "groups": groups,
        "faults": faults,
        "names_tenants": len(staff.tenant_ids) > 1,
        "support_tenant_ids": staff.support_tenant_ids,
        "new_caller": new_caller_url(asked.plain.replace('"', "")) if can_work and asked.words else "",
    }
    return render(request, "support/search.html", {**admin.site.each_context(request), **context})


def _found(request: HttpRequest, staff: Staff, asked: Asked, text: str) -> tuple[list[Group], Sequence[str]]:
    found = tickets_found(tickets_seen_by(staff), asked, staff)
    groups = [_tickets(found.tickets, text, is_ranked=bool(asked.words))] if staff.support_tenant_ids else []
    if asked.words and not found.is_narrowed:
        groups += [_rows(request, staff, model, title, asked.plain) for model, title in LISTS]
    return [group for group in groups if group.lines], found.faults


def _tickets(tickets: Any, text: str, *, is_ranked: bool) -> Group:
    """Newest activity first where words found them; else in the order of the queue, which an index has."""
    rows = tickets.select_related("requester", "assignee", "tenant")
    return _group(gettext_lazy("Tickets"), rows.newest_activity_first() if is_ranked else rows.queue_order(), text)


LISTS: Sequence[tuple[type[Model], str | Promise]] = (
    (Membership, gettext_lazy("People")), (Order, gettext_lazy("Orders")), (Delivery, gettext_lazy("Deliveries")),
)  # fmt: skip


def _rows(request: HttpRequest, staff: Staff, model: type[Model], title: str | Promise, text: str) -> Group:
    """What the list of this kind finds for this person."""
    screen: Any = admin.site.get_model_admin(model)
    rows, _twice = screen.get_search_results(request, screen.get_queryset(request), text)
    return _group(title, rows.for_list().order_by(*screen.ordering), text, lambda row: _call(row, screen, staff))


def _group(
    title: str | Promise, rows: QuerySet[Any, Any], text: str, call: Callable[[Any], str] = lambda _row: ""
) -> Group:
    model = rows.model
    found = list(rows.annotate(found=RowCount(rows, COUNTED_AT_MOST))[:SHOWN])
    count = found[0].found if found else 0
    label = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    return Group(
        title,
        str(model._meta.model_name),
        [Line(row, reverse(f"{label}_change", args=[row.pk]), call(row)) for row in found],
        f"{COUNTED_AT_MOST}+" if count > COUNTED_AT_MOST else str(count),
        f"{reverse(f'{label}_changelist')}?{urlencode({'q': text})}" if count > len(found) else "",
    )


def _call(row: Any, screen: Any, staff: Staff) -> str:
    """Where a ticket is opened about this for its customer, in tenants whose tickets this person works on."""
    can_be = row.tenant_id in staff.working_tenant_ids and screen.can_be_called_about(row)
    return phone_url(**{screen.call_name: row.pk}) if can_be else ""
