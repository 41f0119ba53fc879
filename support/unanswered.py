"""Tickets that their customers left unanswered: who is warned, and what is closed, as the tenant's settings say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.tenants.models import PortalSettings, Tenant
from ondi.tenants.scope import tenant_scope
from support.models import Ticket
from support.querysets import TicketQuerySet
from support.services import warn_of_closing
from support.settings.closing import Touched, counts_since, finds_silent
from support.settings.portal import Portal

AUTO_CLOSE = "auto_close"
WARNED_AT_ONCE, SHOWN = 200, 20


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What a tenant closes by itself. `since`: silence counts from then on; what it was warned of before does not."""

    tenant_id: UUID
    days: int
    warning_days: int
    since: datetime

    def to_warn(self, at: datetime) -> TicketQuerySet:
        """Those whose customers are to be told now that they will be closed."""
        if not self.warning_days:
            return Ticket.objects.none()
        return self._silent(self.days - self.warning_days, at).not_warned(self.since)

    def to_close(self, at: datetime) -> TicketQuerySet:
        """Those whose time is over, and whose customers were told so early enough."""
        silent = self._silent(self.days, at)
        return silent.warned(self.since, at - timedelta(days=self.warning_days)) if self.warning_days else silent

    def _silent(self, days: int, at: datetime) -> TicketQuerySet:
        moment = at - timedelta(days=days)
        tickets = Ticket.objects.in_tenants([self.tenant_id])
        return tickets.silent_since(moment, at) if self.since <= moment else tickets.none()


def unanswered_in(tenant_id: UUID) -> Unanswered | None:
    """What this tenant, which is in scope, closes by itself; None where it is off, or the tenant suspended."""
    active = PortalSettings.objects.filter(tenant_id=tenant_id, tenant__status=Tenant.Status.ACTIVE)
    portal = Portal.read(active.values_list("values", flat=True).first() or {})
    since = counts_since(tenant_id) if portal.auto_close_days else None
    return Unanswered(tenant_id, portal.auto_close_days, portal.auto_close_warning_days, since) if since else None


def warn(found: Unanswered) -> int:
    """Warn customers, each in a transaction of its own; how many. The rest are for the next time."""
    at, actor = timezone.now(), Actor.system(found.tenant_id, AUTO_CLOSE)
    warned = 0
    with tenant_scope(found.tenant_id):
        keys = list(found.to_warn(at).order_by("waiting_since", "id").values_list("id", flat=True)[:WARNED_AT_ONCE])
    for key in keys:
        with tenant_scope(found.tenant_id):
            warned += warn_of_closing(actor=actor, ticket_id=key, among=found.to_warn(at), at=at)
    return warned


@finds_silent
def silent_now(tenant_id: UUID, days: int) -> Touched:
    at = timezone.now()
    silent = Ticket.objects.in_tenants([tenant_id]).silent_since(at - timedelta(days=days), at)
    return Touched(silent.count(), list(silent.order_by("number").values_list("number", flat=True)[:SHOWN]))
