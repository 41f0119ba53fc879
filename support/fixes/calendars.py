"""Bringing a calendar's newest hours to what runs by former ones."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from ondi.accounts.actors import Actor
from ondi.common.times import iso
from ondi.datafixes.fixes import Batch, Fix, Footprint, Item, after_undo, before_undo
from support.models import Calendar, Ticket
from support.services.clocks import hold_clocks, recompute_clocks
from support.services.hours import bring_hours

READ_AT_ONCE = 5_000
OF_TICKETS = "t.tenant_id = %(tenant)s AND t.ticket_id = ANY (%(keys)s)"


class ApplyCalendar(Fix):
    """Open tickets whose promise is by hours of this calendar that are not its newest, also where no clock runs now.

    An image is kept of what it adds alone: clocks and due times follow from that, and are computed anew by an undo.
    """

    at_once, rests = 500, 1.3  # agents wait for answers meanwhile
    footprint = (Footprint("support_ticketterms", "t.ticket_id", OF_TICKETS),)

    def __init__(self, tenant_id: UUID, *, calendar: Calendar) -> None:
        super().__init__(tenant_id)
        self.calendar = calendar
        self.newest, *former = calendar.versions.order_by("-number")
        self.former = [one.id for one in former]

    def items(self) -> Iterator[Item]:
        last = UUID(int=0)
        while True:
            page = list(self._tickets().filter(id__gt=last)[:READ_AT_ONCE])
            yield from itertools.starmap(self._item_of, page)
            if len(page) < READ_AT_ONCE:
                return
            last = page[-1][0]

    def _tickets(self) -> Any:
        tickets = Ticket.objects.in_tenants([self.tenant_id]).open().promised_by(self.former)
        return tickets.order_by("id").values_list("id", "number", "due_at")

    def _item_of(self, ticket_id: UUID, number: int, due_at: datetime | None) -> Item:
        return Item(
            str(ticket_id), f"#{number}", {"due_at": iso(due_at)}, {"calendar": f"version {self.newest.number}"}
        )

    def hold(self, items: Sequence[Item]) -> None:
        hold_clocks(self.tenant_id)

    def apply_all(self, items: Sequence[Item], *, at: datetime) -> Batch:
        ids = [UUID(item.key) for item in items]
        moved = bring_hours(tenant_id=self.tenant_id, ticket_ids=ids, hours=self.newest, at=at)
        return Batch(changed=moved, unchanged=len(items) - moved)


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
