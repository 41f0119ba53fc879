"""What the work process does for support."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import OperationalError, connection
from django.utils import timezone

from ondi.outbox.workers import worker
from ondi.tenants.scope import tenant_scope
from support.models import TermsRound, Ticket
from support.services.clocks import Moment, hold_clocks, keep_clocks
from support.vocabulary import Cause

AT_ONCE = 500
LATER = timedelta(hours=1)
log = structlog.get_logger(__name__)


@worker("clocks")
def clocks() -> int:
    """Warn of what is due soon, say what was missed, let go on what was snoozed, and go through rounds of policies."""
    at = timezone.now()
    return attend(at=at) + sum(_go_on(tenant_id, at) for tenant_id in _tenants_with_rounds())


def attend(*, at: datetime) -> int:
    """Do what time alone changes by `at`, of the tickets that have waited longest for it; how many were looked at.

    A transaction for each tenant, and where that fails for each of its tickets: one that cannot be kept is looked at
    again later, and keeps no other from being.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, tenant_id FROM ondi_tickets_to_attend(%s, %s)", [at, AT_ONCE])
        due = cursor.fetchall()
    of_tenants: dict[UUID, list[UUID]] = defaultdict(list)
    for ticket_id, tenant_id in due:
        of_tenants[tenant_id].append(ticket_id)
    for tenant_id, ticket_ids in of_tenants.items():
        _attend(tenant_id, ticket_ids, at)
    return len(due)


def _attend(tenant_id: UUID, ticket_ids: Collection[UUID], at: datetime) -> None:
    """Held before it is read, for another process may have been there first; a delivery may have become late."""
    try:
        with tenant_scope(tenant_id):
            hold_clocks(tenant_id)
            waiting = Ticket.objects.in_tenants([tenant_id]).filter(id__in=ticket_ids, attend_at__lte=at)
            due = waiting.values_list("id", "attend_at")
            moments = {key: Moment(since, Cause.DELIVERY) for key, since in due if since}
            keep_clocks(tenant_id=tenant_id, tickets=moments, at=at)
    except OperationalError:
        raise  # the database's trouble, no ticket's
    except Exception:
        log.warning("clocks not kept", tickets=len(ticket_ids), exc_info=True)
        if len(ticket_ids) > 1:
            for ticket_id in ticket_ids:
                _attend(tenant_id, [ticket_id], at)
            return
        with tenant_scope(tenant_id):
            Ticket.objects.in_tenants([tenant_id]).filter(id__in=ticket_ids).update(attend_at=at + LATER)


def _tenants_with_rounds() -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM ondi_terms_rounds()")
        return [tenant_id for (tenant_id,) in cursor.fetchall()]


def _go_on(tenant_id: UUID, at: datetime) -> int:
    """The next open tickets of a round, by key; the round is over where there are none."""
    with tenant_scope(tenant_id):
        hold_clocks(tenant_id)
        current = TermsRound.objects.filter(tenant_id=tenant_id).first()
        if current is None:
            return 0
        left = Ticket.objects.in_tenants([tenant_id]).open().filter(id__gt=current.after or UUID(int=0))
        ids = list(left.order_by("id").values_list("id", flat=True)[:AT_ONCE])
        if not ids:
            current.delete()
            return 0
        keep_clocks(tenant_id=tenant_id, tickets=dict.fromkeys(ids, Moment(at, Cause.POLICY)), at=at)
        TermsRound.objects.filter(id=current.id).update(after=ids[-1])
        return len(ids)
