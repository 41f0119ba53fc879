"""Bringing a calendar's newest hours to what runs by former ones."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from ondi.accounts.actors import Actor
from ondi.datafixes.fixes import Batch, Fix, Footprint, Item, after_undo, before_undo
from support.fixes.tickets import READ_AT_ONCE
from support.models import Calendar, Ticket, TicketClock, TicketTerms
from support.services.clocks import hold_clocks, keep_clocks, recompute_clocks
from support.vocabulary import Cause

OF_TICKETS = "t.tenant_id = %(tenant)s AND t.ticket_id = ANY (%(keys)s)"


class ApplyCalendar(Fix):
    """Open tickets with a promise that runs, or is paused, by hours of this calendar that are not its newest.

    An image is kept of what it adds alone: clocks and due times follow from that, and are computed anew by an undo.
    """

    footprint = (Footprint("support_ticketterms", "t.ticket_id", OF_TICKETS),)

    def __init__(self, tenant_id: UUID, *, calendar: Calendar) -> None:
        super().__init__(tenant_id)
        self.calendar = calendar
        self.newest, *former = calendar.versions.order_by("-number")
        self.former = {one.id for one in former}

    def items(self) -> Iterator[Item]:
        last: UUID | None = None
        while True:
            tickets = self._tickets().order_by("id")
            page = list((tickets.filter(id__gt=last) if last else tickets)[:READ_AT_ONCE])
            yield from map(self._item_of, page)
            if len(page) < READ_AT_ONCE:
                return
            last = page[-1].id

    def _tickets(self) -> Any:
        clocks = TicketClock.objects.in_tenants([self.tenant_id]).under_former_versions(self.calendar)
        return Ticket.objects.in_tenants([self.tenant_id]).open().filter(id__in=clocks.values("ticket_id"))

    def _item_of(self, ticket: Ticket) -> Item:
        due_at = ticket.due_at.isoformat() if ticket.due_at else None
        return Item(
            str(ticket.id), f"#{ticket.number}", {"due_at": due_at}, {"calendar": f"version {self.newest.number}"}
        )

    def hold(self, items: Sequence[Item]) -> None:
        hold_clocks(self.tenant_id)

    def apply_all(self, items: Sequence[Item], *, at: datetime) -> Batch:
        ids = [UUID(item.key) for item in items]
        held = {one.ticket_id: one for one in TicketTerms.objects.in_tenants([self.tenant_id]).of_tickets(ids)}
        moved = [
            TicketTerms(
                tenant_id=self.tenant_id, ticket_id=key, policy_version_id=terms.policy_version_id,
                calendar_version=self.newest, cause=Cause.CALENDAR, created_at=max(at, terms.created_at),
            )
            for key, terms in held.items()
            if terms.calendar_version_id in self.former
        ]  # fmt: skip
        TicketTerms.objects.bulk_create(moved)
        keep_clocks(tenant_id=self.tenant_id, tickets=dict.fromkeys(one.ticket_id for one in moved), at=at)
        return Batch(changed=len(moved), unchanged=len(items) - len(moved))


def calendar_named(tenant_id: UUID, name: str) -> Calendar:
    """Raises `CommandError`."""
    found = Calendar.objects.in_tenants([tenant_id]).filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no calendar {name!r} in this tenant.")
    return found


@before_undo("apply_calendar")
def hold_them(tenant_id: UUID, _rows: Sequence[Mapping[str, Any]]) -> None:
    hold_clocks(tenant_id)


@after_undo("apply_calendar")
def go_on(actor: Actor, ticket_ids: Sequence[str], at: datetime) -> None:
    """With the hours that hold again, up to now."""
    recompute_clocks(tenant_id=actor.tenant_id, ticket_ids=[UUID(key) for key in ticket_ids], at=at)
