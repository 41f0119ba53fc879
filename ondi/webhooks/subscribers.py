"""Which programs are to be told of what happened."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from ondi.outbox.models import Event
from ondi.outbox.subscribers import subscribe
from ondi.webhooks.models import EVERYTHING, Endpoint, WebhookDelivery


@subscribe("webhooks")
def plan_deliveries(events: Sequence[Event]) -> None:
    """Write the deliveries of these events, in sets. Locks each tenant's endpoints: none is turned off meanwhile."""
    of_tenants: dict[UUID, list[Event]] = defaultdict(list)
    for event in events:
        if not event.is_silent:
            of_tenants[event.tenant_id].append(event)
    active: dict[UUID, list[Endpoint]] = defaultdict(list)
    for endpoint in Endpoint.objects.in_tenants(list(of_tenants)).active().locked():
        active[endpoint.tenant_id].append(endpoint)
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(
                tenant_id=event.tenant_id,
                endpoint=endpoint,
                position=event.position,
                kind=event.kind,
                ticket_id=event.subject_id if "ticket_number" in event.data else None,
            )
            for tenant_id, own in of_tenants.items()
            for event in own
            for endpoint in active[tenant_id]
            if wants(endpoint, event.kind)
        ],
        ignore_conflicts=True,  # they may be given again
    )


def wants(endpoint: Endpoint, kind: str) -> bool:
    return EVERYTHING in endpoint.events or kind in endpoint.events
