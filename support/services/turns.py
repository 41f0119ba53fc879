"""What happens to a ticket without anybody's hand on it: messages, and changes of its delivery."""

from datetime import datetime
from uuid import UUID

from conversations.services import post_system_message
from support.models import Ticket, WaitingOn
from support.services.shared import save_ticket


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
    save_ticket(ticket, at)


def note_delivery(*, tenant_id: UUID, delivery_id: UUID, code: str, at: datetime) -> None:
    """Tell the conversation of the open ticket on this delivery, if there is one, what became of it.

    Locks the ticket, then the conversation; the delivery is locked by who changed it. Nobody's turn changes.
    """
    ticket = Ticket.objects.locked().open().filter(tenant_id=tenant_id, delivery_id=delivery_id).first()
    if ticket is None:
        return
    post_system_message(conversation_id=ticket.conversation_id, code=code, at=at)
    ticket.last_activity_at = at
    save_ticket(ticket, at)
