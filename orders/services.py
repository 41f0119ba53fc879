"""Writing orders, as integrations and imports bring them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from ondi.common.upsert import Upserted, upsert
from orders.models import Order


@transaction.atomic
def upsert_orders(*, tenant_id: UUID, wanted: Sequence[Mapping[str, Any]]) -> list[Upserted]:
    """Create or update these orders by `external_id`; fields left out stay, older ones change nothing.

    Locks the orders in the order of their keys. Needs the tenant in scope. What became of each, in order.
    """
    return upsert(Order.objects.in_tenants([tenant_id]), tenant_id, wanted)
