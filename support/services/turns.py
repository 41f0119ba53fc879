"""What happens to a ticket without anybody's hand on it: messages, and changes of its delivery."""

from datetime import datetime
from uuid import UUID

from conversations.errors import NotAParticipant
from conversations.services import post_system_message
from ondi.common.prepared import fetch_prepared
from support.models import Ticket, WaitingOn
from support.services.shared import save_ticket

_NOTE = """
UPDATE support_ticket SET
    waiting_since = CASE waiting_on WHEN %(turn)s THEN waiting_since ELSE %(at)s END,
    waiting_on = %(turn)s,
    follow_up_at = CASE WHEN %(from_customer)s THEN NULL ELSE follow_up_at END,
    first_response_at = COALESCE(first_response_at, CASE WHEN NOT %(from_customer)s THEN %(at)s END),
    last_activity_at = %(at)s, updated_at = %(at)s, version = version + 1
WHERE tenant_id = %(tenant)s AND conversation_id = %(conversation)s AND status = 'open' RETURNING requester_id
"""


def note_message(*, tenant_id: UUID, conversation_id: UUID, sender_id: UUID, from_customer: bool, at: datetime) -> None:
    """Whose turn it is after a message. Locks the conversation's ticket, if it has one.

    `waiting_since` is the first unanswered message: further ones of the same side do not reset it. A
    customer's message brings a ticket that was put off back. Raises `NotAParticipant` where the sender (a
    membership) speaks as the customer of somebody else's ticket, or as staff in their own.
    """
    turn = WaitingOn.AGENT if from_customer else WaitingOn.CUSTOMER
    known = {
        "turn": turn, "at": at, "from_customer": from_customer, "tenant": tenant_id, "conversation": conversation_id,
    }  # fmt: skip
    found = fetch_prepared(_NOTE, known)
    if not found:
        # Closed, as it seems; whoever is reopening it now is waited for.
        Ticket.objects.locked().filter(tenant_id=tenant_id, conversation_id=conversation_id).first()
        found = fetch_prepared(_NOTE, known)
    if found and (found[0][0] == sender_id) != from_customer:
        raise NotAParticipant


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
