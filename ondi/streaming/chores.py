"""Throwing away tickets that nobody used."""

from datetime import timedelta

from django.utils import timezone

from ondi.outbox.chores import every
from ondi.streaming.models import StreamTicket
from ondi.tenants.scope import find_tenants, tenant_scope


@every(timedelta(hours=1), "forget_stream_tickets")
def forget_stream_tickets() -> int:
    """Delete tickets that expired; how many."""
    gone = 0
    for tenant_id in find_tenants().values():
        with tenant_scope(tenant_id):
            gone += StreamTicket.objects.filter(tenant_id=tenant_id, expires_at__lt=timezone.now()).delete()[0]
    return gone
