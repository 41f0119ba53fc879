"""Throwing old notifications and mails away."""

from datetime import timedelta

from django.utils import timezone

from ondi.notifications.models import Mail, Notification, SenderCode
from ondi.notifications.services import KEPT
from ondi.outbox.chores import every
from ondi.tenants.scope import find_tenants, tenant_scope


@every(timedelta(days=1), "forget_notifications")
def forget_notifications() -> int:
    """Delete notifications older than `KEPT` with their dispatches, mails, and codes that proved nothing.

    A tenant at a time; how many it told.
    """
    before, total = timezone.now() - KEPT, 0
    for tenant_id in find_tenants().values():
        with tenant_scope(tenant_id):
            _all, deleted = Notification.objects.in_tenants([tenant_id]).filter(created_at__lt=before).delete()
            total += deleted.get(Notification._meta.label, 0)
            Mail.objects.in_tenants([tenant_id]).filter(created_at__lt=before).delete()
            SenderCode.objects.in_tenants([tenant_id]).filter(asked_at__lt=before, proved_at=None).delete()
    return total
