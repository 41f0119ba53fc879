"""What a ticket, its delivery and its order show to portals as it stands in their rows: one row a field.

From these come the columns that lists read (`querysets.py`), the answer (`api/presentation.py`), the schema and its
example (`api/serializers.py`, `api/customer/docs.py`). What is put together of several columns, as people, the
conversation and what somebody may do, stands in `api/presentation.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import TextChoices

from deliveries.models import DeliveryStatus
from orders.models import OrderStatus, PaymentStatus
from support.vocabulary import Priority, TicketSource, TicketStatus, WaitingOn


class Shape(StrEnum):
    """What sort of value it is; the door knows how that is written."""

    ID = "id"
    TEXT = "text"
    NUMBER = "number"
    AMOUNT = "amount"
    MOMENT = "moment"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Shown:
    """`column`: where the row calls it something else than portals do."""

    shape: Shape
    example: Any
    column: str = ""
    choices: type[TextChoices] | None = None
    is_nullable: bool = False
    about: str = ""


Table = Mapping[str, Shown]

DELIVERY_ID, ORDER_ID = "0197f0a0-0000-7000-8000-000000000011", "0197f0a0-0000-7000-8000-000000000012"
_OPENED, _PROMISED = "2026-11-23T09:30:00.000000Z", "2026-11-23T08:00:00.000000Z"

TICKET: Table = {
    "id": Shown(Shape.ID, "0197f0a0-0000-7000-8000-000000000021"),
    "number": Shown(Shape.NUMBER, 1042, about="Counts up per tenant."),
    "subject": Shown(Shape.TEXT, "Delivery delayed"),
    "status": Shown(Shape.CHOICE, "open", choices=TicketStatus),
    "priority": Shown(Shape.CHOICE, "medium", choices=Priority),
    "source": Shown(Shape.CHOICE, "customer_portal", choices=TicketSource),
    "related_delivery_id": Shown(Shape.ID, DELIVERY_ID, "delivery_id", is_nullable=True),
    "related_order_id": Shown(Shape.ID, None, "order_id", is_nullable=True),
    "waiting_on": Shown(Shape.CHOICE, "agent", choices=WaitingOn, is_nullable=True),
    "created_at": Shown(Shape.MOMENT, _OPENED),
    "updated_at": Shown(Shape.MOMENT, _OPENED),
    "last_activity_at": Shown(Shape.MOMENT, _OPENED),
    "closed_at": Shown(Shape.MOMENT, None, is_nullable=True),
}
DELIVERY: Table = {
    "id": Shown(Shape.ID, DELIVERY_ID),
    "delivery_code": Shown(Shape.NUMBER, 1909, is_nullable=True),
    "status": Shown(Shape.CHOICE, "in_transit", choices=DeliveryStatus),
    "from": Shown(Shape.TEXT, "Karrada, Baghdad", "from_address", is_nullable=True),
    "to": Shown(Shape.TEXT, "Mansour, Baghdad", "to_address", is_nullable=True),
    "promised_at": Shown(Shape.MOMENT, _PROMISED, is_nullable=True),
    "delivered_at": Shown(Shape.MOMENT, None, is_nullable=True),
    "order_id": Shown(Shape.ID, None, is_nullable=True),
}
ORDER: Table = {
    "id": Shown(Shape.ID, ORDER_ID),
    "order_number": Shown(Shape.TEXT, "A-1042", "number"),
    "status": Shown(Shape.CHOICE, "shipped", choices=OrderStatus),
    "payment_status": Shown(Shape.CHOICE, "paid", choices=PaymentStatus),
    "currency": Shown(Shape.TEXT, "IQD", is_nullable=True),
    "total_amount": Shown(Shape.AMOUNT, "42000.00", is_nullable=True, about="A decimal string."),
    "item_count": Shown(Shape.NUMBER, 2, is_nullable=True),
    "placed_at": Shown(Shape.MOMENT, _PROMISED, is_nullable=True),
}


def columns(table: Table, link: str = "") -> Sequence[str]:
    """The columns these fields are read from, over a `link` (`delivery`) where they are another row's.

    The other row's key is the link's own, so that it costs no join by itself.
    """
    named = [shown.column or name for name, shown in table.items()]
    return [f"{link}_id" if link and column == "id" else f"{link}__{column}" if link else column for column in named]


def example(table: Table) -> dict[str, Any]:
    return {name: shown.example for name, shown in table.items()}
