"""Throwing old deliveries away."""

from datetime import timedelta

from django.utils import timezone

from ondi.outbox.chores import every
from ondi.tenants.scope import find_tenants, tenant_scope
from ondi.webhooks.models import Attempt, Endpoint, WebhookDelivery

DELIVERIES_KEPT, ATTEMPTS_KEPT = timedelta(days=30), timedelta(days=14)
AT_ONCE = 5_000


@every(timedelta(hours=1), "forget_webhooks")
def forget_webhooks() -> int:
    """Delete old calls and deliveries, and secrets that sign no more; a tenant and a piece at a time. How many went."""
    now, total = timezone.now(), 0
    for tenant_id in find_tenants().values():
        while True:
            with tenant_scope(tenant_id):
                old_calls = Attempt.objects.in_tenants([tenant_id]).filter(at__lt=now - ATTEMPTS_KEPT)
                old = WebhookDelivery.objects.in_tenants([tenant_id]).filter(created_at__lt=now - DELIVERIES_KEPT)
                gone = 0
                for rows in (old_calls, old):
                    keys = list(rows.values_list("id", flat=True)[:AT_ONCE])
                    _all, deleted = rows.model._default_manager.filter(id__in=keys).delete()
                    gone += deleted.get(rows.model._meta.label, 0)
                total += gone
                if not gone:
                    ended = Endpoint.objects.in_tenants([tenant_id]).filter(previous_until__lt=now)
                    ended.update(previous_secret="", previous_until=None)
                    break
    return total
