"""Reads of deliveries."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import F

from ondi.accounts.actors import Actor
from ondi.common.compiled import AnyOf
from ondi.common.querysets import TenantQuerySet
from ondi.common.searching import ids_found

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

    def with_words(self, words: Sequence[str]) -> "DeliveryQuerySet":
        """Those in which each word or phrase stands: in the customer's name or the order's number, or as the code or
        external id."""
        return self.filter(AnyOf(F("id"), ids_found("ondi_search_deliveries", list(words))))
