"""Answering a customer, and writing down what only colleagues read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from conversations.models import Conversation, Participant, SenderRole
from conversations.reads import find_part
from conversations.services import join_conversation
from ondi.accounts.actors import Actor
from ondi.common.prepared import insert_rows
from ondi.files.services import drafts_to_send
from support import policies
from support.errors import TicketChanged, TicketClosed
from support.models import Ticket, TicketNote
from support.publishing import PARTICIPANTS_CHANGED, of_ticket
from support.services.assignment import take_unassigned
from support.services.lifecycle import close_ticket
from support.services.messages import post_as
from support.services.shared import event_of, hold_role_of, insert_note, locked_ticket, person_of, save_ticket
from support.vocabulary import EventKind


@dataclass(frozen=True, slots=True)
class Seen:
    """What the writer of an answer had before their eyes: the last message, whose ticket it was, its status."""

    last_sequence: int
    assignee_id: UUID | None
    status: str

    def still_holds(self, ticket: Ticket) -> bool:
        newest = Conversation.objects.values_list("message_count", flat=True).get(id=ticket.conversation_id)
        return (newest, ticket.assignee_id, ticket.status) == (self.last_sequence, self.assignee_id, self.status)


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
    if seen is not None and not seen.still_holds(ticket):
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
