"""Writing deliveries, as integrations and imports bring them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from deliveries.models import Delivery
from deliveries.signals import delivery_status_changed
from ondi.common.prepared import insert_rows
from ondi.common.upsert import UPDATED, Upserted, upsert
from ondi.outbox.models import Entry
from ondi.outbox.publishing import entry, register

DELIVERY_CHANGED = "delivery.changed"
TIMES = ("promised_at", "delivered_at")
register(DELIVERY_CHANGED, ("before", "after", "status", *TIMES))


@transaction.atomic
def upsert_deliveries(*, tenant_id: UUID, wanted: Sequence[Mapping[str, Any]], announce: bool = True) -> list[Upserted]:
    """Create or update these deliveries by `external_id`; fields left out stay, older ones change nothing.

    A new status, or another time from which it is late or in time, is published. A new status is sent as
    `delivery_status_changed` too, unless `announce` is off (imports of the past notify nobody). Locks the deliveries in
    the order of their keys. Needs the tenant in scope.
    """
    results = upsert(Delivery.objects.in_tenants([tenant_id]), tenant_id, wanted)
    changed = [result for result in results if result.status == UPDATED and result.before.keys() & {"status", *TIMES}]
    changed.sort(key=lambda result: result.row.pk)
    at = timezone.now()
    insert_rows(*(_entry(result, at, is_silent=not announce) for result in changed))
    for result in (one for one in changed if announce and "status" in one.before):
        delivery_status_changed.send(
            sender=Delivery,
            tenant_id=tenant_id,
            delivery_id=result.row.id,
            status=result.row.status,
            at=at,
        )
    return results


def _entry(result: Upserted, at: datetime, *, is_silent: bool) -> Entry:
    delivery = result.row
    before: dict[str, Any] = {"status": result.before.get("status", delivery.status)}
    after: dict[str, Any] = {"status": delivery.status}
    for name in result.before.keys() & TIMES:
        before[name], after[name] = result.before[name], getattr(delivery, name)
    return entry(
        DELIVERY_CHANGED,
        tenant_id=delivery.tenant_id,
        subject_id=delivery.id,
        person_id=delivery.customer_id,
        at=at,
        is_silent=is_silent,
        data={"before": before, "after": after},
    )
