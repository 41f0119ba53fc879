"""Changing what a ticket says of itself: priority, tags, when it comes back, and the item it is about.

Each takes the `version` its form was made from, where there is one: who works on an older picture is told so
(`TicketChanged`) instead of overwriting what a colleague did.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from deliveries.models import Delivery
from ondi.accounts.actors import Actor
from ondi.common.errors import InvalidInput
from ondi.common.prepared import insert_rows
from orders.models import Order
from support import policies
from support.errors import DeliveryNotFound, OrderNotFound, TagNotFound
from support.models import Tag, Ticket, TicketTag
from support.publishing import SNOOZED, TAGS_CHANGED, UNSNOOZED, of_ticket
from support.services.shared import (
    event_of,
    id_text,
    is_item_taken,
    record_event,
    refuse_if_item_is_held,
    save_ticket,
    ticket_to_handle,
)
from support.vocabulary import SNOOZED_UNTIL, EventKind

LONGEST_SNOOZE = timedelta(days=366)


@transaction.atomic
def change_priority(
    *, actor: Actor, ticket_id: UUID, priority: str, version: int | None = None, at: datetime | None = None
) -> Ticket:
    """Give an open ticket another priority; the same one: unchanged.

    Locks the ticket. Raises `TicketNotFound`, `NotASupportUser`, `PermissionDenied` (own ticket),
    `TicketClosed`, `TicketChanged`.
    """
    ticket = ticket_to_handle(actor, ticket_id, version)
    before, at = ticket.priority, at or timezone.now()
    if priority == before:
        return ticket
    ticket.priority = priority
    save_ticket(ticket, at)
    record_event(ticket, EventKind.PRIORITY_CHANGED, actor, at, {"priority": before}, {"priority": priority})
    return ticket


@transaction.atomic
def change_tags(
    *,
    actor: Actor,
    ticket_id: UUID,
    add: Collection[UUID] = (),
    remove: Collection[UUID] = (),
    version: int | None = None,
    at: datetime | None = None,
) -> Ticket:
    """Put tags on an open ticket and take others off; what is so already stays so.

    The admin gives no version: two people who tag do not overwrite each other. Locks the ticket. Raises as
    `change_priority`, and `TagNotFound` for one the tenant does not have.
    """
    ticket = ticket_to_handle(actor, ticket_id, version)
    at = at or timezone.now()
    known = set(Tag.objects.visible_to(actor).filter(id__in=[*add, *remove]).values_list("id", flat=True))
    if known != {*add, *remove}:
        raise TagNotFound
    present = set(TicketTag.objects.filter(tenant_id=ticket.tenant_id, ticket=ticket).values_list("tag_id", flat=True))
    added, removed = sorted(set(add) - present), sorted(set(remove) & present)
    if not added and not removed:
        return ticket
    TicketTag.objects.bulk_create(TicketTag(tenant_id=ticket.tenant_id, ticket=ticket, tag_id=tag) for tag in added)
    TicketTag.objects.filter(tenant_id=ticket.tenant_id, ticket=ticket, tag_id__in=removed).delete()
    save_ticket(ticket, at)
    after = present.union(added).difference(removed)
    insert_rows(
        *(event_of(ticket, EventKind.TAG_ADDED, actor, at, {}, {"tag": str(tag)}) for tag in added),
        *(event_of(ticket, EventKind.TAG_REMOVED, actor, at, {"tag": str(tag)}, {}) for tag in removed),
        of_ticket(TAGS_CHANGED, ticket, actor, at, {"tags": sorted(present)}, {"tags": sorted(after)}),
    )
    return ticket


@transaction.atomic
def snooze_ticket(
    *, actor: Actor, ticket_id: UUID, until: datetime | None, version: int | None = None, at: datetime | None = None
) -> Ticket:
    """Take an open ticket out of the queue until this moment or until its customer writes; None: bring it back.

    Locks the ticket. Raises as `change_priority`, and `InvalidInput` for a moment that is past or more than a year
    ahead.
    """
    ticket = ticket_to_handle(actor, ticket_id, version)
    before, at = ticket.snoozed_until, at or timezone.now()
    if until is not None and not at < until <= at + LONGEST_SNOOZE:
        raise InvalidInput({"until": ["min_value" if until <= at else "max_value"]})
    if until == before:
        return ticket
    ticket.snoozed_until = until
    save_ticket(ticket, at)
    was = {SNOOZED_UNTIL: before.isoformat() if before else None}
    becomes = {SNOOZED_UNTIL: until.isoformat() if until else None}
    insert_rows(
        event_of(ticket, EventKind.SNOOZED, actor, at, was, becomes),
        of_ticket(
            SNOOZED if until else UNSNOOZED, ticket, actor, at, {"snoozed_until": before}, {"snoozed_until": until}
        ),
    )
    return ticket


@transaction.atomic
def change_link(
    *,
    actor: Actor,
    ticket_id: UUID,
    delivery_id: UUID | None = None,
    order_id: UUID | None = None,
    version: int | None = None,
    announce: bool = True,
    at: datetime | None = None,
) -> Ticket:
    """Tie an open ticket to another delivery or order of its customer, or to none where its source allows.

    The system ties closed ones too. `announce`: see `close_ticket`. Locks the ticket. Raises as `change_priority`,
    `InvalidInput` (the source does not go with this item), `DeliveryNotFound` and `OrderNotFound` (not its customer's),
    and `TicketAlreadyOpenForRelated`, which names the ticket that holds the item.
    """
    ticket = ticket_to_handle(actor, ticket_id, version, closed_too=actor.is_system)
    if faults := policies.misplaced_links(ticket.source, delivery_id, order_id):
        raise InvalidInput(faults)
    of_customer = {"tenant_id": ticket.tenant_id, "customer_id": ticket.requester_id}
    if delivery_id and not Delivery.objects.filter(**of_customer, id=delivery_id).exists():
        raise DeliveryNotFound
    if order_id and not Order.objects.filter(**of_customer, id=order_id).exists():
        raise OrderNotFound
    before, at = _item_of(ticket), at or timezone.now()
    ticket.delivery_id, ticket.order_id = delivery_id, order_id
    if _item_of(ticket) == before:
        return ticket
    try:
        with transaction.atomic():
            save_ticket(ticket, at)
    except IntegrityError as error:
        if is_item_taken(error):
            refuse_if_item_is_held(ticket, actor)
        raise
    record_event(ticket, EventKind.LINK_CHANGED, actor, at, before, _item_of(ticket), is_silent=not announce)
    return ticket


def _item_of(ticket: Ticket) -> dict[str, str | None]:
    return {"delivery": id_text(ticket.delivery_id), "order": id_text(ticket.order_id)}
