"""What happens to a ticket without anybody's hand on it: messages, and changes of its delivery."""

from datetime import datetime
from uuid import UUID

from conversations.errors import NotAParticipant
from conversations.models import Message, SenderRole
from ondi.accounts.actors import Actor
from ondi.common.prepared import fetch_prepared
from ondi.outbox.models import Entry
from support.models import Ticket, WaitingOn
from support.services.shared import message_entry, save_ticket, say

_NOTE = """
UPDATE support_ticket SET
    waiting_since = CASE waiting_on WHEN %(turn)s THEN waiting_since ELSE %(at)s END,
    waiting_on = %(turn)s,
    follow_up_at = CASE WHEN %(from_customer)s THEN NULL ELSE follow_up_at END,
    first_response_at = COALESCE(first_response_at, CASE WHEN NOT %(from_customer)s THEN %(at)s END),
    last_activity_at = %(at)s, updated_at = %(at)s, version = version + 1
WHERE tenant_id = %(tenant_id)s AND conversation_id = %(conversation_id)s AND status = 'open'
RETURNING id, number, version, requester_id
"""


def note_message(*, message: Message, actor: Actor) -> Entry | None:
    """Whose turn it is after a message that is about to be written; the entry that publishes it.

    None where the conversation has no open ticket. Locks the conversation's ticket. `waiting_since` is the first
    unanswered message: further ones of the same side do not reset it. A customer's message brings a ticket that was
    put off back. Raises `NotAParticipant` where the sender speaks as the customer of somebody else's ticket, or as
    staff in their own.
    """
    from_customer = message.sender_role == SenderRole.CUSTOMER
    turn = WaitingOn.AGENT if from_customer else WaitingOn.CUSTOMER
    of_conversation = {"tenant_id": message.tenant_id, "conversation_id": message.conversation_id}
    known = {"turn": turn, "at": message.created_at, "from_customer": from_customer, **of_conversation}
    found = fetch_prepared(_NOTE, known)
    if not found:
        # Closed, as it seems; whoever is reopening it now is waited for.
        Ticket.objects.locked().filter(**of_conversation).first()
        found = fetch_prepared(_NOTE, known)
    if not found:
        return None
    ticket_id, number, version, requester_id = found[0]
    if (requester_id == message.sender_id) != from_customer:
        raise NotAParticipant
    ticket = Ticket(id=ticket_id, number=number, version=version, requester_id=requester_id, **of_conversation)
    return message_entry(ticket, message.id, actor, message.created_at)


def note_delivery(*, tenant_id: UUID, delivery_id: UUID, code: str, at: datetime) -> None:
    """Tell the conversation of the open ticket on this delivery, if there is one, what became of it.

    Locks the ticket, then the conversation; the delivery is locked by who changed it. Nobody's turn changes.
    """
    ticket = Ticket.objects.locked().open().filter(tenant_id=tenant_id, delivery_id=delivery_id).first()
    if ticket is None:
        return
    ticket.last_activity_at = at
    save_ticket(ticket, at)
    say(ticket, code, Actor.system(tenant_id, "delivery"), at)
