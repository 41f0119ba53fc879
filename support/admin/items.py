"""Customers, orders and deliveries as people ask about them: what matters, the tickets, all fields folded away.

(Their own screens stand in lower apps.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext_lazy as _

from deliveries.admin import DeliveryAdmin
from deliveries.models import Delivery
from deliveries.timing import is_late, punctuality
from ondi.accounts.models import Membership
from ondi.accounts.roles import Role
from ondi.staff.admin import MembershipAdmin
from ondi.staff.entry import staff_at
from orders.admin import OrderAdmin
from orders.models import Order, OrderItem
from support.admin.pages import tickets_seen_by
from support.models import Ticket
from support.vocabulary import TicketStatus

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A row in a list beside the tickets: where it leads, what it is called, how it stands, and its time."""

    url: str
    row: Any
    state: str
    at: datetime | None


Lists = list[tuple[Any, list[Line]]]


class WithTickets:
    """Above a row's own fields: what matters of it, the tickets about it, and a way to open one for its customer."""

    change_form_outer_before_template = "support/item.html"
    top_template = ""
    item_name = ""
    call_label: Any = ""

    def tickets_about(self, tickets: Any, row: Any) -> QuerySet[Ticket]:
        found: QuerySet[Ticket] = tickets.filter(**{self.item_name: row})
        return found

    def more_about(self, row: Any) -> Lists:
        """Other lists below the tickets: title, and lines."""
        return []

    def facts_about(self, row: Any) -> dict[str, Any]:
        """What the top says besides the row itself."""
        return {}

    def is_folded(self, _row: Any) -> bool:
        return True

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Sequence[Any]:
        """What people ask for stands above; the fields as they are kept are one click away."""
        if obj is None or not self.is_folded(obj):
            return super().get_fieldsets(request, obj)  # type: ignore[misc,no-any-return]
        fields = self.get_fields(request, obj)  # type: ignore[attr-defined]
        return [(_("All fields"), {"classes": ("collapse",), "fields": fields})]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        about = {} if row is None else self._about(request, row)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **about})  # type: ignore[misc,no-any-return]

    def _about(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        staff = staff_at(request)
        about: dict[str, Any] = {
            "top_template": self.top_template,
            "call_label": self.call_label,
            "related_lists": self.more_about(row),
            "knows_customer": row.tenant_id in (*staff.support_tenant_ids, *staff.managed_tenant_ids),
            **self.facts_about(row),
        }
        if row.tenant_id in staff.support_tenant_ids:
            tickets = self.tickets_about(tickets_seen_by(staff).filter(tenant_id=row.tenant_id), row)
            about["related_tickets"] = tickets.select_related("assignee").newest_activity_first()[:SHOWN]  # type: ignore[attr-defined]
        if row.tenant_id in staff.working_tenant_ids and self.can_be_called_about(row):
            about["phone_url"] = f"{reverse('admin:support_ticket_phone')}?{urlencode({self.call_name: row.pk})}"
            about["correct_url"] = self.correct_url(row)
        return about

    @property
    def call_name(self) -> str:
        return self.item_name

    def correct_url(self, _row: Any) -> str:
        """Where an agent corrects what is known of a customer; empty for what is none."""
        return ""

    def can_be_called_about(self, _row: Any) -> bool:
        return True


admin.site.unregister([Order, Delivery, Membership])


@admin.register(Order)
class OrderWorkbenchAdmin(WithTickets, OrderAdmin):
    item_name = "order"
    top_template = "support/order_top.html"
    call_label = _("New ticket about this order")

    def facts_about(self, row: Order) -> dict[str, Any]:
        return {"order_items": OrderItem.objects.filter(tenant_id=row.tenant_id, order=row)}

    def more_about(self, row: Order) -> Lists:
        return [(_("Deliveries"), _deliveries(tenant_id=row.tenant_id, order=row))]


@admin.register(Delivery)
class DeliveryWorkbenchAdmin(WithTickets, DeliveryAdmin):
    item_name = "delivery"
    top_template = "support/delivery_top.html"
    call_label = _("New ticket about this delivery")
    list_display = tuple(
        name for column in DeliveryAdmin.list_display
        for name in ((column, "kept_promise") if column == "delivered_at" else (column,))
    )  # fmt: skip

    def facts_about(self, row: Delivery) -> dict[str, Any]:
        now = timezone.now()
        return {"punctuality": punctuality(row, now), "is_late": is_late(row, now)}

    @admin.display(description=_("punctuality"))
    def kept_promise(self, delivery: Delivery) -> str:
        return punctuality(delivery, timezone.now())


@admin.register(Membership)
class PersonWorkbenchAdmin(WithTickets, MembershipAdmin):
    """A person with what they asked for, and for colleagues what they work on."""

    call_name = "customer"
    top_template = "support/person_top.html"
    call_label = _("New ticket for this customer")

    def is_folded(self, row: Membership) -> bool:
        """A colleague's page is the form that says what they may."""
        return row.role == Role.CUSTOMER

    def tickets_about(self, tickets: Any, row: Membership) -> QuerySet[Ticket]:
        found: QuerySet[Ticket] = tickets.filter(Q(requester=row) | Q(assignee=row, status=TicketStatus.OPEN))
        return found

    def can_be_called_about(self, row: Membership) -> bool:
        return row.role == Role.CUSTOMER and row.ended_at is None

    def correct_url(self, row: Membership) -> str:
        return reverse("admin:support_ticket_customer", args=[row.pk])

    def more_about(self, row: Membership) -> Lists:
        if row.role != Role.CUSTOMER:
            return []
        of_customer = {"tenant_id": row.tenant_id, "customer": row}
        return [(_("Orders"), _orders(**of_customer)), (_("Deliveries"), _deliveries(**of_customer))]


def _orders(**of_whom: Any) -> list[Line]:
    orders = Order.objects.filter(**of_whom).order_by("-placed_at", "-id")[:SHOWN]
    return [Line(reverse("admin:orders_order_change", args=[one.pk]), one, _paid(one), one.placed_at) for one in orders]


def _paid(order: Order) -> str:
    parts = [order.get_status_display()]
    if order.total_amount is not None:
        parts.append(f"{localize(order.total_amount)} {order.currency or ''}".strip())
    return " · ".join(parts)


def _deliveries(**of_whom: Any) -> list[Line]:
    now = timezone.now()
    return [
        Line(
            reverse("admin:deliveries_delivery_change", args=[one.pk]),
            one,
            " · ".join(filter(None, [one.get_status_display(), punctuality(one, now)])),
            one.delivered_at or one.promised_at,
        )
        for one in Delivery.objects.filter(**of_whom).order_by("-created_at", "-id")[:SHOWN]
    ]
