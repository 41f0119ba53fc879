"""Reads of orders."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import F

from ondi.accounts.actors import Actor
from ondi.common.compiled import AnyOf
from ondi.common.querysets import TenantQuerySet
from ondi.common.searching import ids_found

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

    def with_words(self, words: Sequence[str]) -> "OrderQuerySet":
        """Those in which each word or phrase stands: in the number or the customer's name, or as the external id."""
        return self.filter(AnyOf(F("id"), ids_found("ondi_search_orders", list(words))))
