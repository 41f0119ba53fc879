"""What a provider reports of mails: an address that bounced for good, or complained, gets no more of its tenant's."""

from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.dispatch import receiver

from ondi.common.ids import parse_id
from ondi.notifications.addresses import BOUNCED, COMPLAINED, suppress
from ondi.tenants.scope import find_tenants, tenant_scope

FOR_GOOD = {EventType.BOUNCED: BOUNCED, EventType.REJECTED: BOUNCED, EventType.COMPLAINED: COMPLAINED}
FOR_NOW = {RejectReason.TIMED_OUT, RejectReason.BLOCKED}


@receiver(tracking)
def hear(event: AnymailTrackingEvent, **_signal: Any) -> None:
    """Anymail has checked who calls; whose mail it was, we put in when it was sent."""
    tenant_id = parse_id((event.metadata or {}).get("tenant"))
    reason = FOR_GOOD.get(event.event_type)
    if reason is None or event.reject_reason in FOR_NOW or not event.recipient:
        return
    if tenant_id is not None and tenant_id in find_tenants().values():
        with tenant_scope(tenant_id):
            suppress(tenant_id=tenant_id, address=event.recipient, reason=reason)
