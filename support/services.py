"""Every write to a ticket. The API, the admin and the commands call these and nothing below them.

Each runs in one order: lock the ticket, ask the policy, look at the state, write, append the event.
`at` is when it happened: now when left out; demo data and imports tell of the past.
"""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from conversations.events import TICKET_CLOSED, TICKET_REOPENED
from conversations.models import Conversation
from conversations.services import (
    Opening,
    join_conversation,
    leave_conversation,
    post_system_message,
    start_conversation,
)
from deliveries.models import Delivery
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.common.errors import InvalidInput, ServiceUnavailable
from orders.models import Order
from support import policies
from support.errors import (
    DeliveryNotFound,
    OrderNotFound,
    TicketAlreadyAssigned,
    TicketAlreadyOpenForRelated,
    TicketClosed,
    TicketNotAssignedToYou,
    TicketNotFound,
)
from support.models import (
    ONE_OPEN_PER_DELIVERY,
    ONE_OPEN_PER_ORDER,
    Ticket,
    TicketEvent,
    TicketNote,
    TicketStatus,
    WaitingOn,
)
from support.querysets import TicketQuerySet

CREATE_ATTEMPTS = 3


@transaction.atomic
def open_ticket(
    *,
    actor: Actor,
    subject: str,
    message: str,
    priority: str,
    source: str,
    delivery_id: UUID | None = None,
    order_id: UUID | None = None,
    at: datetime | None = None,
) -> Ticket:
    """Open a ticket with its conversation and first message, as its customer.

    The database's partial unique index is the only judge of "one open ticket per item": we insert, and on
    a conflict name the ticket that was there first. Raises `SupportChatDisabled`, `InvalidInput`,
    `DeliveryNotFound`, `OrderNotFound`, `TicketAlreadyOpenForRelated`, `ServiceUnavailable`.
    """
    if refusal := policies.opening_refusal(actor):
        raise refusal
    if faults := policies.misplaced_links(source, delivery_id, order_id):
        raise InvalidInput(faults)
    if delivery_id and not Delivery.objects.sent_to(actor).filter(id=delivery_id).exists():
        raise DeliveryNotFound
    order = Order.objects.bought_by(actor).filter(id=order_id).first() if order_id else None
    if order_id and order is None:
        raise OrderNotFound
    at = at or timezone.now()
    ticket = Ticket(
        tenant_id=actor.tenant_id,
        subject=subject,
        priority=priority,
        source=source,
        requester_id=_person(actor),
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
        acknowledgement_html=_acknowledgement_for(actor),
    )
    for _attempt in range(CREATE_ATTEMPTS):
        try:
            with transaction.atomic():
                return _insert(ticket, opening, actor)
        except IntegrityError as error:
            if not _is_item_taken(error):
                raise
        _refuse_if_item_is_held(ticket, actor)
    raise ServiceUnavailable


@transaction.atomic
def claim_ticket(*, actor: Actor, ticket_id: UUID, at: datetime | None = None) -> Ticket:
    """Take an unassigned ticket and join its conversation; mine already: unchanged.

    Locks the ticket. Raises `TicketNotFound`, `NotASupportUser`, `PermissionDenied` (own ticket),
    `TicketClosed`, `TicketAlreadyAssigned` (names the colleague).
    """
    ticket = _ticket_to_handle(actor, ticket_id)
    if ticket.assignee_id == actor.membership_id:
        return ticket
    if ticket.assignee is not None:
        raise TicketAlreadyAssigned(ticket.assignee.user_id, ticket.assignee.full_name)
    return _assign(ticket, actor, TicketEvent.Kind.CLAIMED, at or timezone.now())


@transaction.atomic
def take_over_ticket(*, actor: Actor, ticket_id: UUID, reason: str, at: datetime | None = None) -> Ticket:
    """Take a ticket from a colleague, who takes part no longer; the reason is kept as an internal note.

    An unassigned ticket is claimed, one's own stays unchanged. Locks the ticket. Raises as `claim_ticket`.
    """
    ticket = _ticket_to_handle(actor, ticket_id)
    if ticket.assignee_id == actor.membership_id:
        return ticket
    at = at or timezone.now()
    if ticket.assignee_id is None:
        return _assign(ticket, actor, TicketEvent.Kind.CLAIMED, at)
    _end_part_of_assignee(ticket, at)
    TicketNote.objects.create(
        tenant_id=ticket.tenant_id, ticket=ticket, author_id=_person(actor), content=reason, created_at=at
    )
    return _assign(ticket, actor, TicketEvent.Kind.TAKEN_OVER, at)


@transaction.atomic
def release_ticket(*, actor: Actor, ticket_id: UUID, at: datetime | None = None) -> Ticket:
    """Give my ticket back to the queue; I take part no longer.

    Locks the ticket. Raises as `claim_ticket`, and `TicketNotAssignedToYou`.
    """
    ticket = _ticket_to_handle(actor, ticket_id)
    if ticket.assignee_id != actor.membership_id:
        raise TicketNotAssignedToYou
    return _unassign(ticket, actor, at or timezone.now())


@transaction.atomic
def close_ticket(
    *, actor: Actor, ticket_id: UUID, among: TicketQuerySet | None = None, at: datetime | None = None
) -> Ticket:
    """Close a ticket and its conversation; a closed one stays as it is.

    `among`: the tickets the calling door shows, where these are fewer than the actor may see. Locks the
    ticket, then the conversation. Raises `TicketNotFound`, `CustomerCloseDisabled`, `NotASupportUser`.
    """
    ticket = _locked(actor, ticket_id, among)
    if refusal := policies.closing_refusal(ticket, actor):
        raise refusal
    if not ticket.is_open:
        return ticket
    at = at or timezone.now()
    post_system_message(
        conversation_id=ticket.conversation_id,
        code=TICKET_CLOSED,
        status=Conversation.Status.CLOSED,
        caused_by=actor.membership_id,
        at=at,
    )
    ticket.status = TicketStatus.CLOSED
    ticket.closed_at = ticket.last_activity_at = at
    ticket.closed_by_id = actor.membership_id
    ticket.waiting_on = ticket.waiting_since = ticket.follow_up_at = None
    _save(ticket, at)
    _record(ticket, TicketEvent.Kind.CLOSED, actor, at, {"status": "open"}, {"status": "closed"})
    return ticket


@transaction.atomic
def reopen_ticket(*, actor: Actor, ticket_id: UUID, at: datetime | None = None) -> Ticket:
    """Open a closed ticket again; an open one stays as it is. It waits on the agent from now.

    It keeps its agent if they still are a support user. Locks the ticket, then the conversation. Raises
    `TicketNotFound`, `NotASupportUser`, `PermissionDenied`, and `TicketAlreadyOpenForRelated` where another
    open ticket holds the item.
    """
    ticket = _locked(actor, ticket_id)
    if refusal := policies.handling_refusal(ticket, actor):
        raise refusal
    if ticket.is_open:
        return ticket
    at = at or timezone.now()
    ticket.status = TicketStatus.OPEN
    ticket.closed_at = ticket.closed_by_id = None
    ticket.waiting_on, ticket.waiting_since = WaitingOn.AGENT, at
    ticket.last_activity_at = at
    if ticket.assignee and not (ticket.assignee.is_support_user and ticket.assignee.is_active):
        ticket.assignee = None
    try:
        with transaction.atomic():
            _save(ticket, at)
    except IntegrityError as error:
        if _is_item_taken(error):
            _refuse_if_item_is_held(ticket, actor)
        raise
    post_system_message(
        conversation_id=ticket.conversation_id,
        code=TICKET_REOPENED,
        status=Conversation.Status.ACTIVE,
        caused_by=actor.membership_id,
        at=at,
    )
    _record(ticket, TicketEvent.Kind.REOPENED, actor, at, {"status": "closed"}, {"status": "open"})
    return ticket


@transaction.atomic
def release_tickets_of(*, membership: Membership, at: datetime | None = None) -> int:
    """Give every open ticket of somebody who is no support user any more back to the queue.

    Locks these tickets in the order of their keys. Returns how many there were.
    """
    tickets = list(Ticket.objects.locked().open().filter(tenant_id=membership.tenant_id, assignee=membership))
    for ticket in tickets:
        _unassign(ticket, None, at or timezone.now())
    return len(tickets)


def note_message(*, conversation_id: UUID, from_customer: bool, at: datetime) -> None:
    """Whose turn it is after a message. Locks the conversation's ticket, if it has one.

    `waiting_since` is the first unanswered message: further ones of the same side do not reset it. A
    customer's message brings a ticket that was put off back.
    """
    ticket = Ticket.objects.locked().filter(conversation_id=conversation_id).first()
    if ticket is None or not ticket.is_open:
        return
    turn = WaitingOn.AGENT if from_customer else WaitingOn.CUSTOMER
    if ticket.waiting_on != turn:
        ticket.waiting_on, ticket.waiting_since = turn, at
    if from_customer:
        ticket.follow_up_at = None
    elif ticket.first_response_at is None:
        ticket.first_response_at = at
    ticket.last_activity_at = at
    _save(ticket, at)


def _insert(ticket: Ticket, opening: Opening, actor: Actor) -> Ticket:
    conversation = start_conversation(
        tenant_id=ticket.tenant_id, starter_id=ticket.requester_id, opening=opening, at=ticket.created_at
    )
    ticket.conversation = conversation
    ticket.number = _next_number(ticket.tenant_id)
    ticket.save(force_insert=True)
    _record(ticket, TicketEvent.Kind.OPENED, actor, ticket.created_at, {}, {"status": "open", "source": ticket.source})
    return ticket


def _next_number(tenant_id: UUID) -> int:
    """Locks the tenant's counter until the ticket is committed, so that numbers have no gaps."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO support_ticketcounter AS counter (tenant_id, last_number) VALUES (%s, 1) "
            "ON CONFLICT (tenant_id) DO UPDATE SET last_number = counter.last_number + 1 RETURNING last_number",
            [tenant_id],
        )
        return int((cursor.fetchone() or [0])[0])


def _acknowledgement_for(actor: Actor) -> str | None:
    texts = actor.tenant.acknowledgement_html
    return texts.get(actor.language) or texts.get(actor.tenant.language)


def _is_item_taken(error: IntegrityError) -> bool:
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    return constraint in (ONE_OPEN_PER_DELIVERY, ONE_OPEN_PER_ORDER)


def _refuse_if_item_is_held(ticket: Ticket, actor: Actor) -> None:
    """Raise the conflict that names the open ticket on this item; return where it was closed meanwhile."""
    holder = Ticket.objects.holding_item_of(ticket).first()
    if holder is None:
        return
    if policies.is_customer_of(holder, actor) or actor.is_support_user:
        raise TicketAlreadyOpenForRelated(holder.id, holder.conversation_id)
    raise TicketAlreadyOpenForRelated


def _locked(actor: Actor, ticket_id: UUID, among: TicketQuerySet | None = None) -> Ticket:
    tickets = Ticket.objects.visible_to(actor) if among is None else among
    ticket = tickets.locked().select_related("assignee").filter(id=ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    return ticket


def _ticket_to_handle(actor: Actor, ticket_id: UUID) -> Ticket:
    ticket = _locked(actor, ticket_id)
    if refusal := policies.handling_refusal(ticket, actor):
        raise refusal
    if not ticket.is_open:
        raise TicketClosed
    return ticket


def _assign(ticket: Ticket, actor: Actor, kind: TicketEvent.Kind, at: datetime) -> Ticket:
    before = ticket.assignee_id
    ticket.assignee_id = _person(actor)
    _save(ticket, at)
    join_conversation(
        tenant_id=ticket.tenant_id, conversation_id=ticket.conversation_id, membership_id=_person(actor), at=at
    )
    _record(ticket, kind, actor, at, {"assignee": _text(before)}, {"assignee": _text(ticket.assignee_id)})
    return ticket


def _unassign(ticket: Ticket, actor: Actor | None, at: datetime) -> Ticket:
    before = ticket.assignee_id
    _end_part_of_assignee(ticket, at)
    ticket.assignee = None
    _save(ticket, at)
    _record(ticket, TicketEvent.Kind.RELEASED, actor, at, {"assignee": _text(before)}, {"assignee": None})
    return ticket


def _end_part_of_assignee(ticket: Ticket, at: datetime) -> None:
    if ticket.assignee_id is not None:
        leave_conversation(
            tenant_id=ticket.tenant_id,
            conversation_id=ticket.conversation_id,
            membership_id=ticket.assignee_id,
            at=at,
        )


def _save(ticket: Ticket, at: datetime) -> None:
    ticket.version += 1
    ticket.updated_at = at
    ticket.save(force_update=True)


def _record(
    ticket: Ticket,
    kind: TicketEvent.Kind,
    actor: Actor | None,
    at: datetime,
    before: dict[str, str | None],
    after: dict[str, str | None],
) -> None:
    TicketEvent.objects.create(
        tenant_id=ticket.tenant_id,
        ticket=ticket,
        kind=kind,
        actor_id=actor.membership_id if actor else None,
        before=before,
        after=after,
        created_at=at,
    )


def _person(actor: Actor) -> UUID:
    if actor.membership_id is None:
        raise AssertionError("policies let nobody without a membership write")
    return actor.membership_id


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
