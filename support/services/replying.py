"""Speaking: as a participant, in answer to a customer, and in what only colleagues read."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from conversations.errors import ConversationClosed
from conversations.models import Conversation, Message, Participant, SenderRole
from conversations.reads import find_part
from conversations.services import join_conversation
from ondi.accounts.actors import Actor
from ondi.common.prepared import insert_rows
from ondi.files.services import drafts_to_send
from support import policies
from support.errors import CustomerReopenDisabled, TicketAlreadyOpenForRelated, TicketChanged, TicketClosed
from support.models import Ticket, TicketNote
from support.publishing import PARTICIPANTS_CHANGED, of_ticket
from support.services.assignment import take_unassigned
from support.services.lifecycle import close_ticket, reopen_ticket
from support.services.messages import post_as, silence_of
from support.services.shared import event_of, hold_role_of, insert_note, locked_ticket, person_of, save_ticket
from support.vocabulary import EventKind


def post_message(
    *,
    actor: Actor,
    conversation_id: UUID,
    content: str,
    attachment_ids: Collection[UUID] = (),
    at: datetime | None = None,
) -> Message:
    """Say something as a participant; the sender has read up to their own message.

    Where its customer may reopen a closed ticket, their message does. `content`: may be empty where files are sent.
    `attachment_ids`: drafts of the actor's. `at`: when it was said; now when left out. Locks as `post_as`, or as
    `reopen_ticket`. Raises `ConversationNotFound`, `NotAParticipant`, `ConversationClosed`, and as `drafts_to_send`.
    """
    said = _Said(content, attachment_ids, at)
    try:
        return _post(actor, conversation_id, said)
    except ConversationClosed:
        # Undone with its locks, for reopening begins at the membership.
        return _reopen_and_post(actor, conversation_id, said)


@dataclass(frozen=True, slots=True)
class _Said:
    content: str
    attachment_ids: Collection[UUID]
    at: datetime | None


@transaction.atomic
def _post(actor: Actor, conversation_id: UUID, said: _Said) -> Message:
    part = find_part(actor, conversation_id)
    if part is None:
        raise silence_of(actor, conversation_id)
    role = SenderRole.CUSTOMER if part.role == Participant.Role.CUSTOMER else SenderRole.AGENT
    files, at = drafts_to_send(actor, said.attachment_ids), said.at or timezone.now()
    return post_as(role, actor=actor, conversation_id=conversation_id, content=said.content, files=files, at=at)


@transaction.atomic
def _reopen_and_post(actor: Actor, conversation_id: UUID, said: _Said) -> Message:
    """Raises `ConversationClosed` where that is not the actor's to open, or cannot be opened now; and as `_post`."""
    own, at = Ticket.objects.requested_by(actor), said.at or timezone.now()
    ticket = own.filter(conversation_id=conversation_id).first()
    if ticket is None:
        raise ConversationClosed
    try:
        reopen_ticket(actor=actor, ticket_id=ticket.id, among=own, at=at)
    except (CustomerReopenDisabled, TicketAlreadyOpenForRelated) as refusal:
        raise ConversationClosed from refusal
    return _post(actor, conversation_id, replace(said, at=at))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the writer of an answer had before their eyes: the last message, whose ticket it was, its status."""

    last_sequence: int
    assignee_id: UUID | None
    status: str

    def still_holds(self, ticket: Ticket, actor: Actor) -> bool:
        """What the actor said meanwhile, and that the ticket became theirs, is no news to them."""
        if ticket.status != self.status or ticket.assignee_id not in (self.assignee_id, actor.membership_id):
            return False
        newest = Conversation.objects.values_list("message_count", flat=True).get(id=ticket.conversation_id)
        return newest == self.last_sequence or not self._said_since(ticket).exclude(sender=actor.membership_id).exists()

    def _said_since(self, ticket: Ticket) -> QuerySet[Message]:
        of_ticket = {"tenant_id": ticket.tenant_id, "conversation_id": ticket.conversation_id}
        return Message.objects.filter(**of_ticket, sequence__gt=self.last_sequence)


@transaction.atomic
def reply_to_ticket(
    *,
    actor: Actor,
    ticket_id: UUID,
    content: str,
    attachment_ids: Collection[UUID] = (),
    seen: Seen | None = None,
    close: bool = False,
    at: datetime | None = None,
) -> Ticket:
    """Answer the customer, and close the ticket with it where `close` says so.

    An unassigned ticket becomes the writer's; at a colleague's the writer joins the conversation. Locks the actor's
    membership, the ticket, then the conversation. Raises `TicketNotFound`, `NotASupportUser`,
    `PermissionDenied` (own ticket), `TicketChanged` (something else than `seen`), `TicketClosed`, and as
    `drafts_to_send`.
    """
    hold_role_of(actor)
    ticket = locked_ticket(actor, ticket_id)
    if refusal := policies.handling_refusal(ticket, actor):
        raise refusal
    if seen is not None and not seen.still_holds(ticket, actor):
        raise TicketChanged
    if not ticket.is_open:
        raise TicketClosed
    at = at or timezone.now()
    if ticket.assignee_id is None:
        take_unassigned(ticket, actor, at)
    elif find_part(actor, ticket.conversation_id) is None:
        join_conversation(
            tenant_id=ticket.tenant_id, conversation_id=ticket.conversation_id, membership_id=person_of(actor), at=at
        )
        save_ticket(ticket, at)
        joined = {"participant": str(actor.membership_id), "role": Participant.Role.MEMBER.value}
        insert_rows(
            event_of(ticket, EventKind.PARTICIPANT_ADDED, actor, at, {}, joined),
            of_ticket(PARTICIPANTS_CHANGED, ticket, actor, at),
        )
    files = drafts_to_send(actor, attachment_ids)
    post_as(SenderRole.AGENT, actor=actor, conversation_id=ticket.conversation_id, content=content, files=files, at=at)
    if close:
        close_ticket(actor=actor, ticket_id=ticket_id, at=at)
    return ticket


@transaction.atomic
def write_note(
    *,
    actor: Actor,
    ticket_id: UUID,
    content: str,
    attachment_ids: Collection[UUID] = (),
    at: datetime | None = None,
) -> TicketNote:
    """Write an internal note, also on a closed ticket. Customers never see it, and nobody's turn changes.

    Locks the ticket, then the files. Raises `TicketNotFound`, `NotASupportUser`, `PermissionDenied` (own ticket), and
    as `drafts_to_send`.
    """
    ticket = locked_ticket(actor, ticket_id)
    if refusal := policies.handling_refusal(ticket, actor):
        raise refusal
    at = at or timezone.now()
    save_ticket(ticket, at)
    return insert_note(ticket, actor, content, at, drafts_to_send(actor, attachment_ids))
