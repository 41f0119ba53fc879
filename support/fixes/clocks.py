"""Whether the clocks of tickets say what their history says: computed anew, which no SQL can."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from ondi.datafixes.fixes import Batch, Fix, Footprint, Item
from ondi.tenants.scope import tenant_scope
from support.fixes.tickets import READ_AT_ONCE, TICKETS
from support.models import Ticket, TicketTerms
from support.services.clocks import hold_clocks, recompute_clocks, wrong_clocks

WRONG = "clocks"
SHOWN = 5


def examine_clocks(slug: str, tenant_id: UUID) -> list[dict[str, Any]]:
    """What is wrong with the clocks of this tenant, as `doctor --json` tells it."""
    found = [f"{one.id} #{one.number}" for one in wrong(tenant_id)]
    if not found:
        return []
    return [
        {
            "tenant": slug, "finding": WRONG, "what": "clocks of a ticket are not what its history says",
            "count": len(found), "examples": found[:SHOWN],
            "repair": f"manage.py repair --finding {WRONG} --tenant {slug}", "for_a_person": 0, "look_at": None,
        }
    ]  # fmt: skip


def wrong(tenant_id: UUID) -> Iterator[Ticket]:
    """Tickets that were ever promised something and whose clocks say otherwise than their history."""
    now, last = timezone.now(), UUID(int=0)
    while True:
        with tenant_scope(tenant_id):
            promised = TicketTerms.objects.in_tenants([tenant_id]).values("ticket_id")
            tickets = Ticket.objects.in_tenants([tenant_id]).settled(now).filter(id__in=promised)
            page = list(tickets.filter(id__gt=last).order_by("id").values_list("id", flat=True)[:READ_AT_ONCE])
            yield from wrong_clocks(tenant_id=tenant_id, ticket_ids=page, at=now)
        if len(page) < READ_AT_ONCE:
            return
        last = page[-1]


class RecomputeClocks(Fix):
    """Write what the history says; nobody is warned or told of it."""

    _of_tickets = "t.tenant_id = %(tenant)s AND t.ticket_id = ANY (%(keys)s)"
    footprint = (TICKETS, Footprint("support_ticketclock", "t.ticket_id", _of_tickets))

    def items(self) -> Iterator[Item]:
        for ticket in wrong(self.tenant_id):
            yield Item(str(ticket.id), f"#{ticket.number}", {"clocks": "wrong"}, {"clocks": "as its history says"})

    def hold(self, items: Sequence[Item]) -> None:
        hold_clocks(self.tenant_id)

    def apply_all(self, items: Sequence[Item], *, at: datetime) -> Batch:
        ids = [UUID(item.key) for item in items]
        still = [one.id for one in wrong_clocks(tenant_id=self.tenant_id, ticket_ids=ids, at=at)]
        recompute_clocks(tenant_id=self.tenant_id, ticket_ids=still, at=at)
        return Batch(changed=len(still), unchanged=len(ids) - len(still))
