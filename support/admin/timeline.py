"""What a customer bought, was brought and asked, in one order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from deliveries.models import Delivery, DeliveryStatus
from orders.models import Order, OrderStatus
from support.models import Ticket
from support.querysets import TicketQuerySet
from support.vocabulary import TicketStatus

SHOWN = 10
# Of each kind: what it is called, its page, and what its states are called.
KINDS: dict[str, tuple[str | Promise, str, Any]] = {
    "ticket": (_("Ticket"), "admin:support_ticket_change", TicketStatus),
    "delivery": (_("Delivery"), "admin:deliveries_delivery_change", DeliveryStatus),
    "order": (_("Order"), "admin:orders_order_change", OrderStatus),
}


@dataclass(frozen=True, slots=True)
class Item:
    """`is_this`: the ticket itself, or what it is about."""

    kind: str | Promise
    name: str
    address: str
    status: str
    at: datetime
    is_this: bool


def timeline_of(ticket: Ticket, seen: TicketQuerySet) -> list[Item]:
    """The newest of a ticket's customer: tickets by their last activity, orders, deliveries. One statement.

    `seen`: the tickets that its reader sees.
    """
    of_customer = {"tenant_id": ticket.tenant_id, "customer": ticket.requester_id}
    tickets = seen.filter(tenant_id=ticket.tenant_id, requester=ticket.requester_id).newest_activity_first()
    deliveries = Delivery.objects.filter(**of_customer).order_by("-created_at", "-id")
    orders = Order.objects.filter(**of_customer).order_by("-placed_at", "-id")
    found = _rows("ticket", tickets, "number", "subject", "last_activity_at").union(
        _rows("delivery", deliveries, "delivery_code", Coalesce("external_id", Value("")), "created_at"),
        _rows("order", orders, "number", Value("", TextField()), Coalesce("placed_at", "created_at")),
        all=True,
    )
    this = {ticket.id, ticket.delivery_id, ticket.order_id}
    newest = sorted(found, key=lambda row: (row[5], row[1]), reverse=True)[:SHOWN]
    return [_item(*row, is_this=row[1] in this) for row in newest]


def _rows(kind: str, rows: QuerySet[Any], number: str, name: Any, at: Any) -> QuerySet[Any, Any]:
    text = Cast(number, TextField())
    return rows.values_list(Value(kind, TextField()), "id", text, Cast(name, TextField()), "status", at)[:SHOWN]


def _item(kind: str, key: UUID, number: str | None, name: str, status: str, at: datetime, *, is_this: bool) -> Item:
    label, page, states = KINDS[kind]
    numbered = number if kind == "order" else f"#{number}"
    called = " ".join(filter(None, (numbered if number else "", name if kind == "ticket" or not number else "")))
    said = dict(states.choices).get(status, status)
    return Item(label, called or str(key), reverse(page, args=[key]), said, at, is_this)
