"""Support listens to the apps below it, inside their transactions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.dispatch import receiver

from deliveries.models import DeliveryStatus
from deliveries.signals import delivery_status_changed
from ondi.accounts.models import Membership
from ondi.accounts.signals import support_role_ended
from ondi.webhooks.payloads import says_events
from support.changes import webhook_data
from support.events import EVENT_OF_DELIVERY
from support.queue.saving import forget_views
from support.services import note_delivery, offboard_agent

says_events(webhook_data)


@receiver(delivery_status_changed)
def tell_conversation(tenant_id: UUID, delivery_id: UUID, status: str, at: datetime, **_signal: Any) -> None:
    if code := EVENT_OF_DELIVERY.get(DeliveryStatus(status)):
        note_delivery(tenant_id=tenant_id, delivery_id=delivery_id, code=code, at=at)


@receiver(support_role_ended)
def end_work(membership: Membership, **_signal: Any) -> None:
    offboard_agent(membership=membership)
    forget_views(membership=membership)
