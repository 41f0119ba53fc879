"""What repeats for tickets."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from ondi.outbox.chores import every
from ondi.tenants.scope import find_tenants, tenant_scope
from support.drafts import DRAFTS_KEPT, forget_drafts
from support.fixes.closing import close_unanswered
from support.unanswered import unanswered_in, warn


@every(timedelta(minutes=10), "close_unanswered_tickets")
def close_unanswered_tickets() -> int:
    """Close what customers left unanswered, where a tenant's settings want it, and warn before; how many it closed."""
    return sum(_close_in(tenant_id) for tenant_id in find_tenants().values())


def _close_in(tenant_id: UUID) -> int:
    with tenant_scope(tenant_id):
        found = unanswered_in(tenant_id)
    if found is None:
        return 0
    closed = close_unanswered(found)
    warn(found)
    return closed


@every(timedelta(hours=1), "forget_drafts")
def forget_old_drafts(*, at: datetime | None = None) -> int:
    """Delete drafts that nobody wrote at for a week; how many."""
    before = (at or timezone.now()) - DRAFTS_KEPT
    return sum(_forget_in(tenant_id, before) for tenant_id in find_tenants().values())


def _forget_in(tenant_id: UUID, before: datetime) -> int:
    with tenant_scope(tenant_id):
        return forget_drafts(tenant_id=tenant_id, before=before)
