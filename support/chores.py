"""What repeats for tickets."""

from datetime import timedelta
from uuid import UUID

from ondi.outbox.chores import every
from ondi.tenants.scope import find_tenants, tenant_scope
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
