"""The one door for messages: who may speak, whose turn it is then, and the message itself."""

from datetime import datetime
from uuid import UUID

from conversations.errors import ConversationClosed, ConversationNotFound, NotAParticipant
from conversations.models import Message, SenderRole
from conversations.reads import find_part, find_readable
from conversations.services import append_message
from ondi.accounts.actors import Actor
from ondi.common.errors import DomainError
from ondi.common.prepared import fetch_prepared
from ondi.files.services import Attaching
from ondi.outbox.models import Entry
from support.models import Ticket
from support.services.shared import message_entry, person_of, save_ticket, say
from support.turns import AFTER_MESSAGE
from support.vocabulary import WaitingOn


def post_as(
    role: SenderRole, *, actor: Actor, conversation_id: UUID, content: str, files: Attaching, at: datetime
) -> Message:
    """Say something, for a service that knows that the actor takes part, and as what.

    The sender has read up to their own message. Locks the conversation's ticket, the conversation, then the files, and
    asks again whether the sender takes part. Raises `ConversationNotFound`, `NotAParticipant`, `ConversationClosed`.
    """
    message = Message(
        tenant_id=actor.tenant_id,
        conversation_id=conversation_id,
        sender_id=person_of(actor),
        sender_role=role,
        content=content,
        created_at=at,
    )
    entry = _note(message, actor)
    if not append_message(message, read_by=actor.membership_id, entry=entry, files=files):
        raise ConversationClosed if find_part(actor, conversation_id) else silence_of(actor, conversation_id)
    return message


def silence_of(actor: Actor, conversation_id: UUID) -> DomainError:
    """Why somebody who does not take part may not speak: they may read, or there is nothing there for them."""
    return NotAParticipant() if find_readable(actor, conversation_id) else ConversationNotFound()


def _note(message: Message, actor: Actor) -> Entry | None:
    """Whose turn it is after a message that is about to be written; the entry that publishes it.

    None where the conversation has no open ticket. Locks the conversation's ticket. `waiting_since` is the first
    unanswered message: further ones of the same side do not reset it. A customer's message brings a ticket that was
    snoozed back. Raises `NotAParticipant` where the sender speaks as the customer of somebody else's ticket, or as
    staff in their own.
    """
    from_customer = message.sender_role == SenderRole.CUSTOMER
    turn = WaitingOn.AGENT if from_customer else WaitingOn.CUSTOMER
    of_conversation = {"tenant_id": message.tenant_id, "conversation_id": message.conversation_id}
    known = {"turn": turn, "at": message.created_at, "from_customer": from_customer, **of_conversation}
    found = fetch_prepared(AFTER_MESSAGE, known)
    if not found:
        # Closed, as it seems; a reopening that is under way is waited for.
        Ticket.objects.locked().filter(**of_conversation).first()
        found = fetch_prepared(AFTER_MESSAGE, known)
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
