"""Orders, deliveries and people with the tickets about them. (Their own screens stand in lower apps.)"""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deliveries.admin import DeliveryAdmin
from deliveries.models import Delivery
from deliveries.timing import punctuality
from ondi.accounts.models import Membership
from ondi.accounts.roles import Role
from ondi.staff.admin import MembershipAdmin
from ondi.staff.entry import staff_at
from orders.admin import OrderAdmin
from orders.models import Order
from support.admin.pages import tickets_seen_by
from support.models import Ticket
from support.vocabulary import TicketStatus

SHOWN = 20


class WithTickets:
    """Below a row's own fields: the tickets about it, and a way to open one for its customer on the phone."""

    change_form_after_template = "support/related.html"
    item_name = ""

    def tickets_about(self, tickets: Any, row: Any) -> QuerySet[Ticket]:
        found: QuerySet[Ticket] = tickets.filter(**{self.item_name: row})
        return found

    def more_about(self, row: Any) -> list[tuple[Any, list[tuple[str, Any]]]]:
        """Other lists beside the tickets: title, and rows with their addresses."""
        return []

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        staff = staff_at(request)
        context: dict[str, Any] = dict(extra_context or {})
        if row is not None and row.tenant_id in staff.support_tenant_ids:
            tickets = self.tickets_about(tickets_seen_by(staff).filter(tenant_id=row.tenant_id), row)
            context["related_tickets"] = tickets.select_related("assignee").newest_activity_first()[:SHOWN]  # type: ignore[attr-defined]
            if row.tenant_id in staff.working_tenant_ids and self.can_be_called_about(row):
                context["correct_url"] = self.correct_url(row)
                context["phone_url"] = f"{reverse('admin:support_ticket_phone')}?{urlencode({self.call_name: row.pk})}"
        if row is not None:
            context["related_lists"] = self.more_about(row)
        return super().change_view(request, object_id, form_url, context)  # type: ignore[misc,no-any-return]

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

    def more_about(self, row: Order) -> list[tuple[Any, list[tuple[str, Any]]]]:
        return [(_("Deliveries"), _linked(Delivery.objects.filter(tenant_id=row.tenant_id, order=row)))]


@admin.register(Delivery)
class DeliveryWorkbenchAdmin(WithTickets, DeliveryAdmin):
    item_name = "delivery"
    list_display = tuple(
        name for column in DeliveryAdmin.list_display
        for name in ((column, "kept_promise") if column == "delivered_at" else (column,))
    )  # fmt: skip

    @admin.display(description=_("punctuality"))
    def kept_promise(self, delivery: Delivery) -> str:
        return punctuality(delivery, timezone.now())


@admin.register(Membership)
class PersonWorkbenchAdmin(WithTickets, MembershipAdmin):
    """A person with what they asked for, and for colleagues what they work on."""

    call_name = "customer"

    def tickets_about(self, tickets: Any, row: Membership) -> QuerySet[Ticket]:
        found: QuerySet[Ticket] = tickets.filter(Q(requester=row) | Q(assignee=row, status=TicketStatus.OPEN))
        return found

    def can_be_called_about(self, row: Membership) -> bool:
        return row.role == Role.CUSTOMER and row.ended_at is None

    def correct_url(self, row: Membership) -> str:
        return reverse("admin:support_ticket_customer", args=[row.pk])

    def more_about(self, row: Membership) -> list[tuple[Any, list[tuple[str, Any]]]]:
        of_customer = {"tenant_id": row.tenant_id, "customer": row}
        return [
            (_("Orders"), _linked(Order.objects.filter(**of_customer).order_by("-placed_at", "-id"))),
            (_("Deliveries"), _linked(Delivery.objects.filter(**of_customer).order_by("-created_at", "-id"))),
        ]


def _linked(rows: QuerySet[Any]) -> list[tuple[str, Any]]:
    page = f"admin:{rows.model._meta.app_label}_{rows.model._meta.model_name}_change"
    return [(reverse(page, args=[row.pk]), row) for row in rows[:SHOWN]]
