"""What the work process does for support."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from ondi.outbox.workers import worker
from ondi.tenants.scope import tenant_scope
from support.drafts import give_up, send_waiting
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


def attend(*, at: datetime, most: int = AT_ONCE) -> int:
    """Do what time alone changes by `at`, of the tickets that have waited longest for it, of no tenant more than a
    fifth; how many were looked at. A transaction for each tenant.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, tenant_id FROM ondi_tickets_to_attend_2(%s, %s)", [at, most])
        due = cursor.fetchall()
    of_tenants: dict[UUID, list[UUID]] = defaultdict(list)
    for ticket_id, tenant_id in due:
        of_tenants[tenant_id].append(ticket_id)
    for tenant_id, ticket_ids in of_tenants.items():
        with tenant_scope(tenant_id):
            hold_clocks(tenant_id)  # before it is read, for another process may have been there first
            waiting = Ticket.objects.in_tenants([tenant_id]).filter(id__in=ticket_ids, attend_at__lte=at)
            since = waiting.values_list("id", "attend_at")
            _keep(tenant_id, {key: Moment(due, Cause.DELIVERY) for key, due in since if due}, at)
    return len(due)


def _keep(tenant_id: UUID, moments: Mapping[UUID, Moment], at: datetime) -> None:
    """All at once, and where that fails each alone: one that cannot be kept keeps no other from being.

    It is looked at again later.
    """
    try:
        with transaction.atomic():
            keep_clocks(tenant_id=tenant_id, tickets=moments, at=at)
    except OperationalError:
        raise  # the database's trouble, no ticket's
    except Exception:
        log.warning("clocks not kept", tickets=[str(key) for key in moments][:1], of=len(moments), exc_info=True)
        if len(moments) > 1:
            for ticket_id, moment in moments.items():
                _keep(tenant_id, {ticket_id: moment}, at)
        else:
            Ticket.objects.in_tenants([tenant_id]).filter(id__in=moments).update(attend_at=at + LATER)


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
        _keep(tenant_id, dict.fromkeys(ids, Moment(at, Cause.POLICY)), at)
        TermsRound.objects.filter(id=current.id).update(after=ids[-1])
        return len(ids)


@worker("drafts")
def drafts() -> int:
    """Send what has waited long enough for its writer to take it back."""
    return send_due(at=timezone.now())


def send_due(*, at: datetime, most: int = AT_ONCE) -> int:
    """Send what is due by `at`, each tenant in turn, each in a transaction of its own; how much was due."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, tenant_id FROM ondi_drafts_to_send(%s, %s)", [at, most])
        due = cursor.fetchall()
    for draft_id, tenant_id in due:
        _send(draft_id, tenant_id, at)
    return len(due)


def _send(draft_id: UUID, tenant_id: UUID, at: datetime) -> None:
    """What breaks keeps no other from being sent, and is its writer's again."""
    try:
        with tenant_scope(tenant_id):
            send_waiting(draft_id=draft_id, tenant_id=tenant_id, at=at)
    except OperationalError:
        raise  # the database's trouble, no draft's
    except Exception:
        log.warning("draft not sent", draft=str(draft_id), exc_info=True)
        with tenant_scope(tenant_id):
            give_up(draft_id=draft_id, tenant_id=tenant_id, at=at)
