"""Writing deliveries, as integrations and imports bring them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from deliveries.models import Delivery
from deliveries.signals import delivery_status_changed
from ondi.common.upsert import UPDATED, Upserted, upsert


@transaction.atomic
def upsert_deliveries(*, tenant_id: UUID, wanted: Sequence[Mapping[str, Any]], announce: bool = True) -> list[Upserted]:
    """Create or update these deliveries by `external_id`; fields left out stay, older ones change nothing.

    A new status is told by `delivery_status_changed`, unless `announce` is off (imports of the past tell
    nobody). Locks the deliveries in the order of their keys. Needs the tenant in scope.
    """
    results = upsert(Delivery.objects.in_tenants([tenant_id]), tenant_id, wanted)
    changed = [result.row for result in results if result.status == UPDATED and "status" in result.before]
    for delivery in sorted(changed, key=lambda row: row.pk) if announce else ():
        delivery_status_changed.send(
            sender=Delivery,
            tenant_id=tenant_id,
            delivery_id=delivery.id,
            status=delivery.status,
            at=timezone.now(),
        )
    return results
