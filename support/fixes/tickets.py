"""The fixes that change whole tickets."""

import csv
from abc import abstractmethod
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q
from django.utils import timezone

from deliveries.models import Delivery
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.common.ids import parse_id
from ondi.common.times import iso
from ondi.datafixes.fixes import Fix, FixOneByOne, Footprint, Item, after_undo, before_undo
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from orders.models import Order
from support.models import Ticket
from support.querysets import TicketQuerySet
from support.services import assign_ticket, change_link, close_ticket, release_ticket, reopen_ticket, shared
from support.services.undoing import note_undo
from support.vocabulary import EventKind, TicketStatus, WaitingOn

READ_AT_ONCE = 500
_OF_TICKETS = "IN (SELECT conversation_id FROM support_ticket WHERE tenant_id = %(tenant)s AND id = ANY (%(keys)s))"
_TICKET_OF = "SELECT own.id FROM support_ticket AS own WHERE own.tenant_id = t.tenant_id AND own.conversation_id ="
CONVERSATIONS = Footprint(
    "conversations_conversation", f"{_TICKET_OF} t.id", f"t.tenant_id = %(tenant)s AND t.id {_OF_TICKETS}"
)
PARTICIPANTS = Footprint(
    "conversations_participant",
    f"{_TICKET_OF} t.conversation_id",
    f"t.tenant_id = %(tenant)s AND t.conversation_id {_OF_TICKETS}",
)
TICKETS = Footprint("support_ticket", "t.id", "t.tenant_id = %(tenant)s AND t.id = ANY (%(keys)s)")


class TicketFix(Fix):
    """Fixes the tickets of `tickets()`, in the order of their keys."""

    footprint: Sequence[Footprint] = (CONVERSATIONS, TICKETS)

    @abstractmethod
    def tickets(self) -> TicketQuerySet: ...

    @abstractmethod
    def item_of(self, ticket: Ticket) -> Item: ...

    def items(self) -> Iterator[Item]:
        last: UUID | None = None
        while True:
            tickets = self.tickets().filter(tenant_id=self.tenant_id).order_by("id")
            page = list((tickets.filter(id__gt=last) if last else tickets)[:READ_AT_ONCE])
            yield from map(self.item_of, page)
            if len(page) < READ_AT_ONCE:
                return
            last = page[-1].id


class Close(TicketFix, FixOneByOne):
    """Closes the tickets of `tickets()`. `announce`: as `close_ticket` has it."""

    announce = False

    def item_of(self, ticket: Ticket) -> Item:
        return Item(
            str(ticket.id),
            f"#{ticket.number}",
            {"status": TicketStatus.OPEN.value},
            {"status": TicketStatus.CLOSED.value},
        )

    def apply(self, item: Item, *, at: datetime) -> bool:
        if not self.tickets().filter(tenant_id=self.tenant_id, id=item.key).exists():
            return False  # somebody wrote meanwhile
        close_ticket(actor=self.actor, ticket_id=UUID(item.key), announce=self.announce, at=at)
        return True


class CloseStale(Close):
    """Open tickets that wait on a customer who has been silent for so many days."""

    def __init__(self, tenant_id: UUID, *, days: int) -> None:
        super().__init__(tenant_id)
        self.before = timezone.now() - timedelta(days=days)

    def tickets(self) -> TicketQuerySet:
        return Ticket.objects.open().filter(waiting_on=WaitingOn.CUSTOMER, last_activity_at__lt=self.before)


class Reopen(TicketFix, FixOneByOne):
    """Closed tickets that a person closed between two moments, or that a file names."""

    def __init__(
        self,
        tenant_id: UUID,
        *,
        closed_by: UUID | None = None,
        between: tuple[datetime, datetime] | None = None,
        named: Sequence[UUID] | None = None,
    ) -> None:
        super().__init__(tenant_id)
        self.closed_by, self.between, self.named = closed_by, between, named

    def tickets(self) -> TicketQuerySet:
        closed = Ticket.objects.closed()
        if self.named is not None:
            return closed.filter(id__in=self.named)
        assert self.between is not None
        return closed.filter(closed_by=self.closed_by, closed_at__gte=self.between[0], closed_at__lt=self.between[1])

    def item_of(self, ticket: Ticket) -> Item:
        before = {"status": TicketStatus.CLOSED.value, "closed_at": iso(ticket.closed_at)}
        return Item(str(ticket.id), f"#{ticket.number}", before, {"status": TicketStatus.OPEN.value})

    def hold(self, items: Sequence[Item]) -> None:
        holders = Ticket.objects.filter(tenant_id=self.tenant_id, id__in=[item.key for item in items])
        shared.hold_people(Membership.objects.filter(pk__in=list(holders.values_list("assignee_id", flat=True))))

    def apply(self, item: Item, *, at: datetime) -> bool:
        if not Ticket.objects.closed().filter(tenant_id=self.tenant_id, id=item.key).exists():
            return False
        reopen_ticket(actor=self.actor, ticket_id=UUID(item.key), announce=False, at=at)
        return True


class Reassign(TicketFix, FixOneByOne):
    """Somebody's open tickets, to somebody else or to the queue."""

    footprint = (CONVERSATIONS, PARTICIPANTS, TICKETS)

    def __init__(self, tenant_id: UUID, *, giver: UUID, taker: UUID | None) -> None:
        super().__init__(tenant_id)
        self.giver, self.taker = giver, taker

    def tickets(self) -> TicketQuerySet:
        return Ticket.objects.open().filter(assignee=self.giver)

    def item_of(self, ticket: Ticket) -> Item:
        fault = "its customer cannot be its agent" if ticket.requester_id == self.taker else ""
        before, after = {"assignee": str(self.giver)}, {"assignee": str(self.taker) if self.taker else "queue"}
        return Item(str(ticket.id), f"#{ticket.number}", before, after, fault)

    def hold(self, items: Sequence[Item]) -> None:
        if self.taker is not None:
            shared.hold_people(Membership.objects.filter(pk=self.taker))

    def apply(self, item: Item, *, at: datetime) -> bool:
        if not self.tickets().filter(tenant_id=self.tenant_id, id=item.key).exists() or self.taker == self.giver:
            return False  # it is not theirs any more
        ticket_id = UUID(item.key)
        if self.taker is None:
            release_ticket(actor=self.actor, ticket_id=ticket_id, announce=False, at=at)
        else:
            assign_ticket(actor=self.actor, ticket_id=ticket_id, assignee_id=self.taker, announce=False, at=at)
        return True


class Relink(FixOneByOne):
    """Tickets and the item each is really about, from a file."""

    footprint = (TICKETS,)

    def __init__(self, tenant_id: UUID, *, rows: Sequence[Mapping[str, str]]) -> None:
        super().__init__(tenant_id)
        self.rows = rows

    def items(self) -> Iterator[Item]:
        for row in self.rows:
            yield self._item(row)

    def _item(self, row: Mapping[str, str]) -> Item:
        ticket = tickets_named(self.tenant_id, [row["ticket"]]).get(row["ticket"])
        if ticket is None:
            return Item(row["ticket"], row["ticket"], fault="there is no such ticket")
        label = f"#{ticket.number}"
        try:
            delivery_id, order_id = self._item_of(row["item"], ticket)
        except ValueError as fault:
            return Item(str(ticket.id), label, fault=str(fault))
        before = {"delivery": ticket.delivery_id, "order": ticket.order_id}
        after = {"delivery": delivery_id, "order": order_id}
        return Item(str(ticket.id), label, before, after, data=after)

    def _item_of(self, text: str, ticket: Ticket) -> tuple[UUID | None, UUID | None]:
        kind, _colon, name = text.strip().partition(":")
        of_customer = {"tenant_id": self.tenant_id, "customer_id": ticket.requester_id}
        if kind == "none":
            return None, None
        if kind == "delivery":
            key = Q(external_id=name) | (Q(delivery_code=int(name[:9])) if name.isdecimal() else Q(id=parse_id(name)))
            found = Delivery.objects.filter(key, **of_customer).values_list("id", flat=True).first()
            if found:
                return found, None
        if kind == "order":
            key = Q(number=name) | Q(external_id=name) | Q(id=parse_id(name))
            found = Order.objects.filter(key, **of_customer).values_list("id", flat=True).first()
            if found:
                return None, found
        raise ValueError(f"its customer has no {text!r}")

    def hold(self, items: Sequence[Item]) -> None:
        for model, name in ((Order, "order"), (Delivery, "delivery")):
            wanted = [item.data[name] for item in items if item.data[name]]
            list(model.objects.in_tenants([self.tenant_id]).filter(id__in=wanted).locked().values_list("id"))

    def apply(self, item: Item, *, at: datetime) -> bool:
        before = Ticket.objects.filter(tenant_id=self.tenant_id).values_list("version", flat=True).get(id=item.key)
        ticket = change_link(
            actor=self.actor, ticket_id=UUID(item.key), delivery_id=item.data["delivery"], order_id=item.data["order"],
            announce=False, at=at,
        )  # fmt: skip
        return ticket.version != before


def hold_people(tenant_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep the people who get a ticket or a part back with these rows what they are. Locks them, before all rows."""
    people = {row[name] for row in rows for name in ("assignee_id", "membership_id") if row.get(name)}
    shared.hold_people(Membership.objects.in_tenants([tenant_id]).filter(id__in=people))


def leave_events(kind: EventKind, actor: Actor, items: Sequence[str], at: datetime) -> None:
    note_undo(actor=actor, ticket_ids=[UUID(item) for item in items], kind=kind, at=at)


# What putting back the tickets of a command is to those who follow them.
_UNDOING = {
    "close_stale_tickets": EventKind.REOPENED,
    "reopen_tickets": EventKind.CLOSED,
    "reassign_tickets": EventKind.ASSIGNED,
    "relink_tickets": EventKind.LINK_CHANGED,
}
for _command, _kind in _UNDOING.items():
    before_undo(_command)(hold_people)
    after_undo(_command)(partial(leave_events, _kind))


def tickets_named(tenant_id: UUID, names: Sequence[str]) -> dict[str, Ticket]:
    """Tickets by what people call them: `1042`, `#1042` or the id; what is not found is not there."""
    numbers = {name: int(name.lstrip("#")) for name in names if name.lstrip("#").isdecimal() and len(name) < 11}
    ids = {name: parse_id(name) for name in names if name not in numbers}
    found = Ticket.objects.filter(tenant_id=tenant_id)
    by_number = {row.number: row for row in found.filter(number__in=numbers.values())} if numbers else {}
    by_id = found.in_bulk([key for key in ids.values() if key]) if ids else {}
    pairs = [(name, by_number.get(number)) for name, number in numbers.items()]
    pairs += [(name, by_id.get(key)) for name, key in ids.items() if key]
    return {name: ticket for name, ticket in pairs if ticket is not None}


def person_named(tenant_id: UUID, text: str) -> Membership:
    """Somebody of the tenant by e-mail, external id or id. Raises `CommandError`."""
    key = Q(email=text.strip().lower()) | Q(external_id=text)
    if parsed := parse_id(text):
        key |= Q(id=parsed) | Q(user_id=parsed)
    with tenant_scope(tenant_id):
        found = list(Membership.objects.in_tenants([tenant_id]).filter(key)[:2])
    if len(found) != 1:
        raise CommandError(f"{text!r} is {'nobody' if not found else 'more than one person'} in this tenant.")
    return found[0]


def read_csv(path: Path, *columns: str) -> list[dict[str, str]]:
    """The rows of a CSV with these columns. Raises `CommandError`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := set(columns) - set(reader.fieldnames or ()):
                raise CommandError(f"{path} has no column {', '.join(sorted(missing))}.")
            return [{column: (row[column] or "").strip() for column in columns} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path}: {error}") from error


def add_between(parser: CommandParser) -> None:
    parser.add_argument(
        "--between", nargs=2, type=moment, metavar=("A", "B"),
        help="ISO 8601; a day or a time without a zone is of the tenant's. A included, B not.",
    )  # fmt: skip


def moment(text: str) -> datetime:
    """A day or a moment of ISO 8601; without a zone it is the tenant's, see `period_in`. For argparse."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError("it has to be a day or a moment as 2026-11-25 or 2026-11-25T09:00+03:00") from error
    if not 1900 <= found.year < 2200:
        raise ArgumentTypeError("it has to lie between 1900 and 2199")
    return found


def period_in(tenant_id: UUID, between: Sequence[datetime]) -> tuple[datetime, datetime]:
    """From the one moment to the other, in the tenant's time zone where they name none. Raises `CommandError`."""
    with tenant_scope(tenant_id):
        zone = ZoneInfo(Tenant.objects.get(id=tenant_id).time_zone)
    start, end = (one if one.tzinfo else one.replace(tzinfo=zone) for one in between)
    if start >= end:
        raise CommandError("--between: the first moment has to come before the second.")
    return start, end
