"""Opening a ticket."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations.services import Opening, start_conversation
from deliveries.models import Delivery
from ondi.accounts.actors import Actor
from ondi.accounts.entering import acting_as
from ondi.accounts.models import Membership
from ondi.common.errors import InvalidInput, ServiceUnavailable
from ondi.common.prepared import fetch_prepared, insert_rows
from ondi.files.services import NO_FILES, Attaching, drafts_to_send
from orders.models import Order
from support import policies
from support.errors import CustomerNotFound, DeliveryNotFound, NotASupportUser, OrderNotFound
from support.models import Ticket
from support.publishing import PUBLISHED, of_ticket
from support.services.assignment import take_unassigned
from support.services.shared import (
    event_of,
    hold_role_of,
    is_item_taken,
    message_entry,
    person_of,
    refuse_if_item_is_held,
)
from support.settings.portal import Portal
from support.vocabulary import EventKind, TicketSource, TicketStatus, WaitingOn

CREATE_ATTEMPTS = 3


def open_ticket(
    *,
    actor: Actor,
    subject: str,
    message: str,
    priority: str,
    source: str,
    delivery_id: UUID | None = None,
    order_id: UUID | None = None,
    attachment_ids: Collection[UUID] = (),
    at: datetime | None = None,
) -> Ticket:
    """Open a ticket with its conversation and first message, as its customer.

    The database's partial unique index is the only judge of "one open ticket per item": we insert, and on
    a conflict name the ticket that was there first. Raises `SupportChatDisabled`, `InvalidInput`,
    `DeliveryNotFound`, `OrderNotFound`, `TicketAlreadyOpenForRelated`, `ServiceUnavailable`, and as `drafts_to_send`;
    nothing is written then.
    """
    if refusal := policies.opening_refusal(actor):
        raise refusal
    if priority not in policies.priorities_open_to(actor):
        raise InvalidInput({"priority": ["invalid_choice"]})
    return _open(
        customer=actor,
        opened_by=actor,
        subject=subject,
        message=message,
        priority=priority,
        source=source,
        delivery_id=delivery_id,
        order_id=order_id,
        files=drafts_to_send(actor, attachment_ids),
        acknowledgement_html=_acknowledgement_for(actor),
        at=at or timezone.now(),
    )


@transaction.atomic
def open_ticket_on_behalf(
    *,
    actor: Actor,
    customer_id: UUID,
    subject: str,
    message: str,
    priority: str,
    delivery_id: UUID | None = None,
    order_id: UUID | None = None,
    at: datetime | None = None,
) -> Ticket:
    """Open a ticket for a customer on the phone: theirs, with their words, and the actor's to work on.

    `customer_id`: a membership. The event names the actor; nothing is acknowledged, for they are talking.
    Locks the actor's membership. Raises `NotASupportUser`, `CustomerNotFound`, and as `open_ticket` but for
    `SupportChatDisabled`: that is what customers are told.
    """
    if not actor.is_support_user:
        raise NotASupportUser
    hold_role_of(actor)
    people = Membership.objects.visible_to(actor).select_related("user", "tenant__portal_settings")
    customer = people.active().filter(id=customer_id).first()
    if customer is None or customer.id == actor.membership_id:
        raise CustomerNotFound
    at = at or timezone.now()
    ticket = _open(
        customer=acting_as(customer),
        opened_by=actor,
        subject=subject,
        message=message,
        priority=priority,
        source=TicketSource.PHONE,
        delivery_id=delivery_id,
        order_id=order_id,
        files=NO_FILES,
        acknowledgement_html=None,
        at=at,
    )
    return take_unassigned(ticket, actor, at)


def _open(
    *,
    customer: Actor,
    opened_by: Actor,
    subject: str,
    message: str,
    priority: str,
    source: str,
    delivery_id: UUID | None,
    order_id: UUID | None,
    files: Attaching,
    acknowledgement_html: str | None,
    at: datetime,
) -> Ticket:
    if faults := policies.misplaced_links(source, delivery_id, order_id):
        raise InvalidInput(faults)
    if delivery_id and not Delivery.objects.sent_to(customer).filter(id=delivery_id).exists():
        raise DeliveryNotFound
    order = Order.objects.bought_by(customer).filter(id=order_id).first() if order_id else None
    if order_id and order is None:
        raise OrderNotFound
    ticket = Ticket(
        tenant_id=customer.tenant_id,
        subject=subject,
        priority=priority,
        source=source,
        requester_id=person_of(customer),
        delivery_id=delivery_id,
        order=order,
        waiting_on=WaitingOn.AGENT,
        waiting_since=at,
        last_activity_at=at,
        created_at=at,
        updated_at=at,
    )
    opening = Opening(
        title=f"{order.number}: {subject}" if order else subject,
        message=f"[{order.number}] {message}" if order else message,
        files=files,
        acknowledgement_html=acknowledgement_html,
    )
    for _attempt in range(CREATE_ATTEMPTS):
        try:
            with transaction.atomic():
                return _insert(ticket, opening, opened_by)
        except IntegrityError as error:
            if not is_item_taken(error):
                raise
        refuse_if_item_is_held(ticket, opened_by)
    raise ServiceUnavailable


def _insert(ticket: Ticket, opening: Opening, actor: Actor) -> Ticket:
    conversation, messages = start_conversation(
        tenant_id=ticket.tenant_id, starter_id=ticket.requester_id, opening=opening, at=ticket.created_at
    )
    ticket.conversation = conversation
    ticket.number = _next_number(ticket.tenant_id)
    system = Actor.system(ticket.tenant_id, "acknowledgement")
    at, after = ticket.created_at, {"status": TicketStatus.OPEN.value, "source": ticket.source}
    insert_rows(
        ticket,
        event_of(ticket, EventKind.OPENED, actor, at, {}, after),
        of_ticket(PUBLISHED[EventKind.OPENED], ticket, actor, at, {}, after),
        *(message_entry(ticket, message.id, actor if message.sender_id else system, at) for message in messages),
    )
    return ticket


_COUNT = """
INSERT INTO support_ticketcounter AS counter (tenant_id, last_number) VALUES (%s, 1)
ON CONFLICT (tenant_id) DO UPDATE SET last_number = counter.last_number + 1 RETURNING last_number
"""


def _next_number(tenant_id: UUID) -> int:
    """Locks the tenant's counter until the ticket is committed, so that numbers have no gaps."""
    return int(fetch_prepared(_COUNT, [tenant_id])[0][0])


def _acknowledgement_for(actor: Actor) -> str | None:
    texts = Portal.of(actor).acknowledgement_html
    return texts.get(actor.language) or texts.get(actor.tenant.language)
