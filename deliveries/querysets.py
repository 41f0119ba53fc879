"""Reads of deliveries."""

from typing import TYPE_CHECKING
from uuid import UUID

from ondi.accounts.actors import Actor
from ondi.common.querysets import TenantQuerySet

if TYPE_CHECKING:
    from deliveries.models import Delivery  # noqa: F401 - named in strings


class DeliveryQuerySet(TenantQuerySet["Delivery"]):
    def sent_to(self, actor: Actor) -> "DeliveryQuerySet":
        """The actor's own deliveries in their tenant."""
        return self.in_tenants(actor.tenant_ids).filter(customer_id=actor.membership_id)

    def with_external_ids(self, tenant_id: UUID, external_ids: list[str]) -> "DeliveryQuerySet":
        return self.filter(tenant_id=tenant_id, external_id__in=external_ids)

    def for_list(self) -> "DeliveryQuerySet":
        return self.select_related("tenant", "customer", "order")
