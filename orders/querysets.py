"""Reads of orders."""

from typing import TYPE_CHECKING
from uuid import UUID

from ondi.accounts.actors import Actor
from ondi.common.querysets import TenantQuerySet

if TYPE_CHECKING:
    from orders.models import Order  # noqa: F401 - named in strings


class OrderQuerySet(TenantQuerySet["Order"]):
    def bought_by(self, actor: Actor) -> "OrderQuerySet":
        """The actor's own orders in their tenant."""
        return self.in_tenants(actor.tenant_ids).filter(customer_id=actor.membership_id)

    def with_external_ids(self, tenant_id: UUID, external_ids: list[str]) -> "OrderQuerySet":
        return self.filter(tenant_id=tenant_id, external_id__in=external_ids)

    def for_list(self) -> "OrderQuerySet":
        return self.select_related("tenant", "customer")
