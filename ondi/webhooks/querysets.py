"""Reads of webhooks: a tenant's own."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Self
from uuid import UUID

from ondi.common.querysets import TenantQuerySet

if TYPE_CHECKING:
    from ondi.webhooks.models import Attempt, Breaker, Endpoint, WebhookDelivery  # noqa: F401


class EndpointQuerySet(TenantQuerySet["Endpoint"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def oldest_first(self) -> Self:
        return self.order_by("created_at", "id")


class WebhookDeliveryQuerySet(TenantQuerySet["WebhookDelivery"]):
    def waiting(self) -> Self:
        return self.filter(state="waiting")

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class AttemptQuerySet(TenantQuerySet["Attempt"]):
    def of(self, delivery_ids: Collection[UUID]) -> Self:
        """The calls of these deliveries, in their order."""
        return self.filter(delivery_id__in=delivery_ids).order_by("delivery_id", "number")


class BreakerQuerySet(TenantQuerySet["Breaker"]):
    def open_at(self, at: datetime) -> Self:
        return self.filter(open_until__gt=at)
